package luacode

// An instruction has the operation in its upper 6 bits, then 8 of A, 9 of C and 9 of B, or 18 of Bx or of sBx, which is
// signed.
const (
	maxIndexRK = 1<<8 - 1 // the largest constant that an operand can name
	bitRK      = 1 << 8   // says that an operand is a constant
	maxBx      = 1<<18 - 1
	maxSBx     = maxBx >> 1
)

func instABC(op, a, b, c int) uint32 {
	return uint32(op)<<26 | uint32(a)<<18 | uint32(c)<<9 | uint32(b)
}
func instABx(op, a, bx int) uint32   { return uint32(op)<<26 | uint32(a)<<18 | uint32(bx) }
func instAsBx(op, a, sbx int) uint32 { return instABx(op, a, sbx+maxSBx) }

func opOf(i uint32) int   { return int(i >> 26) }
func argA(i uint32) int   { return int(i >> 18 & 0xff) }
func argB(i uint32) int   { return int(i & 0x1ff) }
func argC(i uint32) int   { return int(i >> 9 & 0x1ff) }
func argBx(i uint32) int  { return int(i & maxBx) }
func argSBx(i uint32) int { return argBx(i) - maxSBx }

func setA(i *uint32, a int)   { *i = *i&^(0xff<<18) | uint32(a)<<18 }
func setB(i *uint32, b int)   { *i = *i&^0x1ff | uint32(b) }
func setC(i *uint32, c int)   { *i = *i&^(0x1ff<<9) | uint32(c)<<9 }
func setSBx(i *uint32, n int) { *i = *i&^maxBx | uint32(n+maxSBx) }
