// Lets instruction.go declare a function that is gopher-lua's.
