package serve_test

import (
	"bufio"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/ws76/ws76/core/hixie"
	"github.com/ws76/ws76/core/serve"
	"github.com/ws76/ws76/core/serve/gate"
)

// Quick answers what has no body and the gate lets in. Its connection may go on with anything,
// in one piece or one by one, or ends where it was to.
func TestQuick(t *testing.T) {
	together(t, func(t *testing.T, e engine) {
		hosts, err := gate.ParseHosts([]string{"example.com"})
		if err != nil {
			t.Fatal(err)
		}
		r := start(t, e, &serve.Server{
			Gate: &gate.Gate{Hosts: hosts},
			Quick: func(r *hixie.Request) (int, hixie.Fields, string) {
				if r.Resource != "/quick" {
					return 0, nil, ""
				}
				return 200, hixie.Fields{{Name: "X-Quick", Value: "yes"}}, "well"
			},
			HTTP: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, r.Method+" slowly") }),
		})
		const host, closing = " HTTP/1.1\r\nHost: example.com\r\n", "Connection: close\r\n"
		for _, tc := range []struct {
			request, quick, body string
			status               int
		}{
			{"GET /quick" + host + "\r\n", "yes", "well", 200},
			{"GET /quick" + host + closing + "\r\n", "yes", "well", 200},
			{"GET /quick HTTP/1.0\r\nHost: example.com\r\n\r\n", "yes", "well", 200},
			{"HEAD /quick" + host + "\r\n", "yes", "", 200},
			{"GET /quick HTTP/1.1\r\nHost: bad.test\r\n" + closing + "\r\n", "", "", 421},
			{"POST /quick" + host + "Content-Length: 0\r\n\r\n", "", "POST slowly", 200},
			{"GET /quick" + host + "Content-Length: 1\r\n\r\nx", "", "GET slowly", 200},
			{"GET /other" + host + "\r\n", "", "GET slowly", 200},
		} {
			stream := r.raw(t, false)
			io.WriteString(stream, tc.request)
			in := bufio.NewReader(stream)
			resp, err := http.ReadResponse(in, &http.Request{Method: strings.Fields(tc.request)[0]})
			if err != nil {
				t.Fatalf("%q: %v", tc.request, err)
			}
			body, err := io.ReadAll(resp.Body)
			if tc.status == 421 {
				body = nil
			}
			if err != nil || resp.StatusCode != tc.status || string(body) != tc.body || resp.Header.Get("X-Quick") != tc.quick || resp.Header.Get("Date") == "" {
				t.Errorf("%q: %q, %v, %v", tc.request, body, resp, err)
			}
			closes := strings.Contains(tc.request, closing) || strings.Contains(tc.request, "HTTP/1.0")
			if resp.Close != closes || !strings.Contains(tc.request, " "+resp.Proto+"\r\n") {
				t.Errorf("%q: %s, %v", tc.request, resp.Proto, resp.Header)
			}
			if closes {
				if rest, err := io.ReadAll(in); err != nil || len(rest) > 0 {
					t.Errorf("%q: then %q, %v", tc.request, rest, err)
				}
				continue
			}
			io.WriteString(stream, request)
			readUntil(t, stream, answer)
		}
		stream := r.raw(t, false)
		io.WriteString(stream, "GET /quick"+host+"\r\nGET /quick"+host+"\r\n"+request)
		readUntil(t, stream, answer)
		r.end(t)
		if n := r.Stats().Conns; n != 0 {
			t.Errorf("%d connections are counted still", n)
		}
	})
}
