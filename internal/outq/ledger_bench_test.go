package outq

import (
	"net"
	"testing"
)

// What a write costs that is taken into the books, with its share of the looks.
func BenchmarkLedger(b *testing.B) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	defer l.Close()
	c, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		b.Fatal(err)
	}
	defer c.Close()
	b.ReportAllocs()
	var ledger Ledger
	var m Mark
	for b.Loop() {
		m.Bytes += 127
		m.Messages++
		if ledger.Wrote(m) {
			w := ledger.Written()
			ledger.Look(w, Ask(c.(*net.TCPConn)))
		}
	}
}
