package format_test

import (
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/ws76/ws76/core/relay/format"
)

func Example() {
	in := strings.NewReader("one\ntwo\nlast, without a newline")
	r := format.NewReader(in, format.Options{Format: format.Lines})
	w := format.NewWriter(os.Stdout, format.Options{Format: format.JSON})
	for {
		m, err := r.Read()
		if err == io.EOF {
			break
		}
		if err != nil {
			fmt.Println(err)
			return
		}
		if err := w.Write(m, format.Meta{Dir: "out", Conn: 1}); err != nil {
			fmt.Println(err)
			return
		}
	}
	if err := w.Flush(); err != nil {
		fmt.Println(err)
	}
	// Output:
	// {"data":"one","kind":"text","dir":"out","conn":1}
	// {"data":"two","kind":"text","dir":"out","conn":1}
	// {"data":"last, without a newline","kind":"text","dir":"out","conn":1}
}

func ExampleParseTemplate() {
	t, err := format.ParseTemplate(`%n %k: %j\n`)
	if err != nil {
		fmt.Println(err)
		return
	}
	r := format.NewReader(strings.NewReader("a\tb\n"), format.Options{})
	w := format.NewWriter(os.Stdout, format.Options{Format: format.Templated, Template: t})
	m, _ := r.Read()
	w.Write(m, format.Meta{})
	w.Flush()
	// Output: 1 text: "a\tb"
}
