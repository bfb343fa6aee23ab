package hixie

import (
	"fmt"
	"io"
	"slices"
	"testing"

	"pgregory.net/rapid"
)

// recordRuns is record by NextRun and Next in turns. What a run said is looked at
// only when all that was fed with it is used.
func recordRuns(t interface{ Fatalf(string, ...any) }, d *Decoder, pieces [][]byte, direct bool) play {
	var p play
	for _, piece := range pieces {
		fed := slices.Clone(piece)
		if buf := d.Buffer(); direct && buf != nil {
			d.Advance(copy(buf, fed))
		} else {
			d.Feed(fed)
		}
		type run struct {
			at, base int
			bytes    []byte
			count    int
		}
		var runs []run
		var err error
		for err == nil {
			base := d.Offset()
			if b, n := d.NextRun(); n > 0 {
				runs = append(runs, run{len(p.frames), int(base), b, n})
				p.frames = append(p.frames, make([]string, n)...)
			}
			var f *Frame
			if f, err = d.Next(); err == nil {
				p.frames = append(p.frames, describe(f, 0))
				if f.IsText() && f.Length > d.limit {
					t.Fatalf("%d bytes above the limit", f.Length)
				}
			}
		}
		for _, r := range runs {
			whole := Decoder{MaxMessage: d.limit}
			whole.Feed(r.bytes)
			for i := range r.count {
				f, err := whole.Next()
				if err != nil {
					t.Fatalf("frame %d of a run of %d: %v", i, r.count, err)
				}
				if !f.IsText() || !ValidUTF8(f.Payload) {
					t.Fatalf("a run holds %+v", f)
				}
				p.frames[r.at+i] = describe(f, int64(r.base))
			}
			if rest := whole.Rest(); len(rest) > 0 {
				t.Fatalf("a run of %d frames has %q behind them", r.count, rest)
			}
		}
		if err == io.EOF || err != ErrIncomplete {
			if err == io.EOF {
				p.rest += string(d.Rest())
			}
			p.err = err.Error()
			continue
		}
		spoil(fed)
	}
	if err := d.End(); err != nil {
		p.end = err.Error()
	}
	return p
}

func TestDecoderRuns(t *testing.T) {
	for _, c := range decodeCases {
		in := fromHex(t, c.in)
		check := func(how string, pieces [][]byte) {
			t.Helper()
			want := record(&Decoder{MaxMessage: c.max, KeepAll: c.keepAll}, pieces, false)
			if got := recordRuns(t, &Decoder{MaxMessage: c.max, KeepAll: c.keepAll}, pieces, false); !equal(got, want) {
				t.Errorf("%s, %s:\ngot  %+v\nwant %+v", c.name, how, got, want)
			}
		}
		check("whole", [][]byte{in})
		for i := range in {
			check(fmt.Sprintf("cut at %d", i), [][]byte{in[:i], in[i:]})
		}
	}
	rapid.Check(t, func(t *rapid.T) {
		in := streams(t)
		fresh := func() *Decoder { return &Decoder{MaxMessage: 50_000} }
		var pieces [][]byte
		for rest := in; len(rest) > 0; {
			n := min(len(rest), rapid.SampledFrom([]int{1, 7, 100, 1460, 12_000, 60_000}).Draw(t, "piece"))
			pieces, rest = append(pieces, rest[:n]), rest[n:]
		}
		want := record(fresh(), [][]byte{in}, false)
		for _, direct := range []bool{false, true} {
			if direct && slices.ContainsFunc(pieces, func(p []byte) bool { return len(p) > directFree }) {
				continue // Buffer may have less room
			}
			if got := recordRuns(t, fresh(), pieces, direct); !equal(got, want) {
				t.Fatalf("direct %v:\ngot  %.300v\nwant %.300v", direct, got, want)
			}
		}
	})
}

// A run is as long as what was fed allows.
func TestDecoderRunIsWhole(t *testing.T) {
	d := Decoder{MaxMessage: 300}
	frames := AppendText(AppendText(AppendText(nil, []byte("one")), nil), []byte("drei: \u00fc"))
	d.Feed(append(slices.Clip(frames), "\x00cut"...))
	if run, n := d.NextRun(); n != 3 || string(run) != string(frames) || d.Offset() != int64(len(frames)) {
		t.Errorf("got %d frames, %q, offset %d", n, run, d.Offset())
	}
	if run, n := d.NextRun(); n != 0 || len(run) != 0 {
		t.Errorf("got %d more, %q", n, run)
	}
	if _, err := d.Next(); err != ErrIncomplete {
		t.Error(err)
	}
}
