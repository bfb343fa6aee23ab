// Package lua51 compares what scripts print with what lua5.1 prints: random programs, and files with those that once made
// a difference. All of it is tests.
package lua51
