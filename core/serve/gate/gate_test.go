package gate

import (
	"context"
	"net"
	"strings"
	"testing"

	"github.com/ws76/ws76/core"
	"github.com/ws76/ws76/core/hixie"
	"github.com/ws76/ws76/core/serve/auth"
)

func TestParseOrigins(t *testing.T) {
	for _, value := range []string{
		"", "example.org", "ws://example.org", "http://", "http:///x", "http://a/b", "http://a?b", "http://u@a", "http://a:0", "http://a:99999", "http://a:x",
		"http://a:", "http://[::1", "http://[1.2.3.4]", "http://a..b", "http://.a", "http://a b", "http://[a", "http://a*b*c", "*://a", "http*://a", "http://a,http://b", "http://a\r\nX: y",
		"file://x/y", "https://[fe80::1%25eth0]",
	} {
		if list, err := ParseOrigins([]string{value}); err == nil || !strings.HasPrefix(err.Error(), `"`) {
			t.Errorf("%q: %v, %v", value, list, err)
		}
	}
	all := []string{"http://a.test", "null"}
	for _, test := range []struct{ pattern, yes, no string }{
		{"http://*.Example.org", "http://a.example.org HTTP://A.B.example.ORG http://a.example.org:80 http://a.example.org/",
			"https://a.example.org http://example.org http://a.example.org.evil.test http://evil.test/.example.org http://a.example.org:8080 null http://.example.org: http://u@a.example.org"},
		{"https://shop.test:8443/", "https://shop.test:8443 https://SHOP.test:08443", "https://shop.test http://shop.test:8443 https://shop.test:8443/x"},
		{"https://app-*.host.test", "https://app-1.host.test https://app-.host.test", "https://app.host.test https://app-1.a.host.test"},
		{"http://a.*.test", "http://a.b.test", "http://a.test http://a.b.c.test http://a..test"},
		{"http://*", "http://a http://b.c:80", "https://a http://a:81 null"},
		{"http://*:*", "http://a:81 http://a http://[::1]:9", "https://a:81"},
		{"http://[::1]:8080", "http://[::1]:8080 http://[0:0::1]:8080", "http://[::1] http://[::2]:8080 http://::1:8080"},
		{"http://192.168.1.*", "http://192.168.1.7", "http://192.168.2.7 http://192.168.1.7.evil.test"},
		{"https://bücher.test", "https://xn--bcher-kva.test", "https://bucher.test"},
		{"chrome-extension://abcdef", "chrome-extension://abcdef", "chrome-extension://abcde https://abcdef"},
		{"file://", "file://", "http:// null"},
		{"null", "null NULL", "http://null file:// none"},
		{"none", "", "null none http://none"},
		{"*", "null http://a file:// x", ""},
	} {
		list, err := ParseOrigins([]string{test.pattern})
		if err != nil {
			t.Errorf("%q: %v", test.pattern, err)
			continue
		}
		for want, values := range map[bool]string{true: test.yes, false: test.no} {
			for value := range strings.FieldsSeq(values) {
				o, ok := splitOrigin(value)
				if list.allow(value, &o, ok) != want {
					t.Errorf("%q allows %q: %v", test.pattern, value, !want)
				}
			}
		}
	}
	list, err := ParseOrigins(append(all, "http://*.lan:81", "http://[::1]", "none"))
	if got := strings.Join(list.Names(), " "); err != nil || got != "a.test *.lan ::1" {
		t.Errorf("%q, %v", got, err)
	}
}

func TestHosts(t *testing.T) {
	for _, value := range []string{"", "a:80", "http://a", "a/b", "1.2.3.4", "[::1]", "[::1]:80", "a..b", "a b", "a,b", "**.lan", "a\r\n"} {
		if list, err := ParseHosts([]string{value}); err == nil || !strings.HasPrefix(err.Error(), `"`) {
			t.Errorf("%q: %v, %v", value, list, err)
		}
	}
	hosts, err := ParseHosts([]string{"Box.lan.", "*.plant.test", "bücher.test", "ws_1"})
	if err != nil {
		t.Fatal(err)
	}
	public, err := core.ParseURL("wss://Public.test/x")
	if err != nil {
		t.Fatal(err)
	}
	g := &Gate{Hosts: hosts, Public: &public}
	for host, want := range map[string]bool{
		"localhost": true, "LOCALHOST.:8076": true, "lab.localhost": true, "127.0.0.1:8076": true, "192.168.7.8": true, "[::1]:8076": true, "[fe80::1%eth0]": true,
		"box.lan": true, "BOX.lan.:80": true, "a.plant.test:1": true, "a.b.plant.test": true, "xn--bcher-kva.test": true, "ws_1": true, "public.test:444": true,
		"evil.test": false, "localhost.evil.test": false, "xlocalhost": false, "plant.test": false, "box.lan.evil.test": false, "xbox.lan": false, "a.box.lan": false,
		"127.0.0.1.evil.test": false, "127.1": false, "0x7f.1": false, "::1": false, "[::1": false, "[evil]": false, "[127.0.0.1]": false, "localhost:x": false, "localhost:80:80": false, "1": false,
		"localhost@evil.test": false, "": false, ".": false, ":80": false, "localhost:0x50": false, "localhost/": false, "local host": false,
	} {
		refusal := g.Over("tcp")(request("GET", "/", "Host", host), core.RFC6455)
		if (refusal == nil) != want {
			t.Errorf("%q: %v", host, refusal)
		}
		if host != "" && refusal != nil && refusal.Status != 421 {
			t.Errorf("%q: %d %s", host, refusal.Status, refusal.Text)
		}
	}
	if all, err := ParseHosts([]string{"*"}); err != nil || (&Gate{Hosts: all}).Over("tcp")(request("GET", "/", "Host", "any.test"), core.RFC6455) != nil {
		t.Error("* is not all names", err)
	}
	for host, help := range map[string]string{"evil.test:80": "--host evil.test lets it in", "*": "", "a;rm": "", "[x": ""} {
		text := g.Over("tcp")(request("GET", "/", "Host", host), core.RFC6455).Text
		if !strings.HasSuffix(text, help) || help == "" && strings.Contains(text, "--host") {
			t.Errorf("%q: %s", host, text)
		}
	}
}

func request(method, target string, fields ...string) *hixie.Request {
	r := &hixie.Request{Method: method, Resource: target, Proto: "HTTP/1.1"}
	for i := 0; i < len(fields); i += 2 {
		r.Fields = append(r.Fields, hixie.Field{Name: fields[i], Value: fields[i+1]})
	}
	return r
}

// TestSites: who is of the same site, over what, and what a browser says of that.
func TestSites(t *testing.T) {
	origins := func(values ...string) Origins {
		list, err := ParseOrigins(values)
		if err != nil {
			t.Fatal(err)
		}
		return list
	}
	public, err := core.ParseURL("wss://public.test:8443")
	if err != nil {
		t.Fatal(err)
	}
	hosts, err := ParseHosts([]string{"box.lan"})
	if err != nil {
		t.Fatal(err)
	}
	plain := &Gate{}
	listed := &Gate{Origins: origins("http://good.test")}
	behind := &Gate{Public: &public}
	forwarded := &Gate{Forwarded: true, Hosts: hosts}
	for _, test := range []struct {
		name    string
		g       *Gate
		method  string
		dialect core.Dialect
		secure  bool
		fields  string // name value name value …, with Host localhost:8076 where there is none
		want    int    // 0: let in
	}{
		{"a program", plain, "GET", core.RFC6455, false, "", 0},
		{"the page", plain, "GET", core.RFC6455, false, "Origin http://LOCALHOST:8076", 0},
		{"the page, to the root", plain, "GET", core.RFC6455, false, "Origin http://localhost.:8076", 0},
		{"asked to the root", plain, "GET", core.RFC6455, false, "Host localhost.:8076 Origin http://localhost:8076", 0},
		{"two dots", plain, "GET", core.RFC6455, false, "Origin http://localhost..:8076", 403},
		{"a dot", plain, "GET", core.RFC6455, false, "Origin http://.:8076", 403},
		{"a list, to the root", listed, "GET", core.RFC6455, false, "Origin http://good.test.", 0},
		{"the page over TLS", plain, "GET", core.RFC6455, true, "Origin https://localhost:8076", 0},
		{"TLS ends elsewhere", plain, "GET", core.RFC6455, false, "Host 10.1.1.1 Origin https://10.1.1.1", 0},
		{"plain HTTP", plain, "GET", core.RFC6455, false, "Host 10.1.1.1 Origin http://10.1.1.1:80", 0},
		{"a page of port 80 over TLS", plain, "GET", core.RFC6455, true, "Host 10.1.1.1 Origin http://10.1.1.1", 403},
		{"another port", plain, "GET", core.RFC6455, false, "Origin http://localhost", 403},
		{"another name of the same", plain, "GET", core.RFC6455, false, "Origin http://127.0.0.1:8076", 403},
		{"IPv6", plain, "GET", core.RFC6455, false, "Host [::1]:80 Origin http://[0:0::1]", 0},
		{"another site", plain, "GET", core.RFC6455, false, "Origin http://evil.test", 403},
		{"a sandbox", plain, "GET", core.RFC6455, false, "Origin null", 403},
		{"no origin", plain, "GET", core.RFC6455, false, "Origin ::", 403},
		{"an empty one", plain, "GET", core.RFC6455, false, "Origin ", 403},
		{"two in one", plain, "GET", core.RFC6455, false, "Origin http://localhost:8076,http://evil.test", 403},
		{"an extension's of that name", plain, "GET", core.RFC6455, false, "Origin app://localhost:8076", 403},
		{"an older version", plain, "GET", core.RFC6455, false, "Sec-WebSocket-Origin http://evil.test", 403},
		{"both", plain, "GET", core.RFC6455, false, "Sec-WebSocket-Origin http://evil.test Origin http://localhost:8076", 0},
		{"draft 76", plain, "GET", core.Hixie76, false, "Origin http://evil.test", 0},
		{"draft 75", plain, "GET", core.Hixie75, false, "Origin null", 0},
		{"draft 76, two", plain, "GET", core.Hixie76, false, "Origin http://a.test Origin http://b.test", 400},
		{"draft 76, another name", plain, "GET", core.Hixie76, false, "Host evil.test Origin http://evil.test", 421},
		{"draft 76, a list", listed, "GET", core.Hixie76, false, "Origin http://evil.test", 403},
		{"draft 76, listed", listed, "GET", core.Hixie76, false, "Origin http://good.test", 0},

		{"the page's", plain, "GET", "", false, "Sec-Fetch-Site same-origin", 0},
		{"the page's, written", plain, "POST", "", false, "Sec-Fetch-Site same-origin Origin http://localhost:8076", 0},
		{"typed in", plain, "GET", "", false, "Sec-Fetch-Site none", 0},
		{"another site's image", plain, "GET", "", false, "Sec-Fetch-Site cross-site Sec-Fetch-Mode no-cors Sec-Fetch-Dest image", 403},
		{"another site's frame", plain, "GET", "", false, "Sec-Fetch-Site cross-site Sec-Fetch-Mode navigate Sec-Fetch-Dest iframe", 403},
		{"a link", plain, "GET", "", false, "Sec-Fetch-Site cross-site Sec-Fetch-Mode navigate Sec-Fetch-Dest document", 0},
		{"a form", plain, "POST", "", false, "Sec-Fetch-Site cross-site Sec-Fetch-Mode navigate Sec-Fetch-Dest document", 403},
		{"a form of an old browser", plain, "POST", "", false, "Origin http://evil.test", 403},
		{"a neighbour", plain, "GET", "", false, "Sec-Fetch-Site same-site", 403},
		{"http asks https", plain, "GET", "", false, "Sec-Fetch-Site cross-site Origin http://localhost:8076", 403},
		{"listed", listed, "POST", "", false, "Sec-Fetch-Site cross-site Origin http://good.test", 0},
		{"listed, unnamed", listed, "GET", "", false, "Sec-Fetch-Site cross-site", 403},
		{"all, unnamed", &Gate{Origins: origins("*")}, "GET", "", false, "Sec-Fetch-Site cross-site", 0},

		{"a list, own page", listed, "GET", core.RFC6455, false, "Origin http://localhost:8076", 0},
		{"a list, a program", listed, "GET", core.RFC6455, false, "", 403},
		{"a list, a program of draft 75", listed, "GET", core.Hixie75, false, "", 403},
		{"a list, a program's POST", listed, "POST", "", false, "", 403},
		{"none, a program", &Gate{Origins: origins("none")}, "GET", core.RFC6455, false, "", 0},
		{"none, a sandbox", &Gate{Origins: origins("none")}, "GET", core.RFC6455, false, "Origin null", 403},
		{"null, a sandbox", &Gate{Origins: origins("null")}, "GET", core.RFC6455, false, "Origin null", 0},
		{"null, a program", &Gate{Origins: origins("null")}, "GET", core.RFC6455, false, "", 403},
		{"all, a program", &Gate{Origins: origins("*")}, "GET", core.RFC6455, false, "", 0},
		{"all, a sandbox", &Gate{Origins: origins("*")}, "GET", core.RFC6455, false, "Origin null", 0},

		{"public", behind, "GET", core.RFC6455, false, "Origin https://public.test:8443", 0},
		{"public, by its name", behind, "GET", core.RFC6455, false, "Host public.test:8443 Origin https://public.test:8443", 0},
		{"public, another port", behind, "GET", core.RFC6455, false, "Origin https://public.test", 403},
		{"public, without TLS", behind, "GET", core.RFC6455, false, "Origin http://public.test:8443", 403},

		{"not believed", plain, "GET", core.RFC6455, false, "X-Forwarded-Host evil.test", 0},
		{"not believed, page", plain, "GET", core.RFC6455, false, "X-Forwarded-Host box.lan Origin http://box.lan", 403},
		{"forwarded", forwarded, "GET", core.RFC6455, false, "X-Forwarded-Host box.lan Origin https://box.lan", 0},
		{"forwarded by two", forwarded, "GET", core.RFC6455, false, "X-Forwarded-Host evil.test,box.lan Origin https://box.lan", 0},
		{"forwarded, another name", forwarded, "GET", core.RFC6455, false, "X-Forwarded-Host evil.test Origin http://evil.test", 421},
		{"forwarded, rebound", forwarded, "GET", core.RFC6455, false, "Host evil.test X-Forwarded-Host box.lan", 421},

		{"two Host", plain, "GET", core.RFC6455, false, "Host localhost Host evil.test", 400},
		{"two logins", plain, "GET", core.RFC6455, false, "Authorization a Authorization b", 400},
	} {
		var fields []string
		if test.fields != "" {
			fields = strings.Split(test.fields, " ")
		}
		if !strings.HasPrefix(test.fields, "Host ") {
			fields = append(fields, "Host", "localhost:8076")
		}
		r := &Request{Head: request(test.method, "/ws/lab/rw", fields...), Dialect: test.dialect, Secure: test.secure, Transport: "tcp"}
		_, refusal := test.g.Admit(r)
		got := 0
		if refusal != nil {
			got = refusal.Status
			if refusal.Reason == "" || refusal.Text == "" || strings.ContainsAny(refusal.Text, "\r\n") {
				t.Errorf("%s: %+v", test.name, refusal)
			}
		}
		if got != test.want {
			t.Errorf("%s: got %d, want %d (%v)", test.name, got, test.want, refusal)
		}
		if test.dialect != "" && strings.HasPrefix(test.fields, "Host evil") {
			r.Transport = "serial"
			if _, refusal := test.g.Admit(r); refusal != nil {
				t.Errorf("%s over a serial line: %v", test.name, refusal)
			}
		}
	}
}

// TestPages: what sends no Origin may read pages and files where there is a list, but
// neither read nor write messages; and whoever asks may read what is for everybody.
func TestPages(t *testing.T) {
	list, err := ParseOrigins([]string{"http://good.test"})
	if err != nil {
		t.Fatal(err)
	}
	g := &Gate{Origins: list, Messages: func(r string) bool { return strings.HasPrefix(r, "/ws/") }, Everybody: "/healthz"}
	for _, test := range []struct {
		method, target, host string
		want                 int
	}{
		{"GET", "/", "localhost", 0}, {"HEAD", "/metrics", "localhost", 0}, {"GET", "/ws/a/ro", "localhost", 403}, {"POST", "/", "localhost", 403},
		{"GET", "/healthz", "evil.test", 0}, {"GET", "/healthz?json", "evil.test", 421}, {"POST", "/healthz", "evil.test", 421},
		{"GET", "http://localhost/", "localhost", 400}, {"OPTIONS", "*", "localhost", 400}, {"CONNECT", "localhost:80", "localhost", 400}, {"GET", "", "localhost", 400},
	} {
		_, refusal := g.Admit(&Request{Head: request(test.method, test.target, "Host", test.host), Transport: "tcp"})
		if got := refusal; got == nil && test.want != 0 || got != nil && got.Status != test.want {
			t.Errorf("%s %s of %s: %v, want %d", test.method, test.target, test.host, refusal, test.want)
		}
	}
}

type peer struct{}

func (peer) RemoteAddr() net.Addr { return &net.TCPAddr{IP: net.IPv4(192, 0, 2, 1), Port: 1} }

func (peer) Context() (context.Context, func()) { return context.Background(), func() {} }

func TestLogin(t *testing.T) {
	users, err := auth.Parse([]byte("ann:secret\n"))
	if err != nil {
		t.Fatal(err)
	}
	g := &Gate{Users: auth.NewGuard(users)}
	for field, want := range map[string]int{"": 401, "Basic x": 401, "Basic YW5uOnNlY3JldA==": 0} {
		r := &Request{Head: request("GET", "/", "Host", "localhost", "Authorization", field), Peer: peer{}, Waiting: peer{}}
		grant, refusal := g.Admit(r)
		switch {
		case want == 0 && (grant == nil || grant.User != "ann" || refusal != nil):
			t.Errorf("%q: %v, %v", field, grant, refusal)
		case want != 0 && (grant != nil || refusal == nil || refusal.Status != want || refusal.Fields[0].Name != "WWW-Authenticate"):
			t.Errorf("%q: %v, %v", field, grant, refusal)
		}
	}
	for range 40 {
		_, refusal := g.Admit(&Request{Head: request("GET", "/", "Host", "localhost", "Authorization", "Basic eDp5"), Peer: peer{}, Waiting: peer{}})
		if refusal.Status == 429 && refusal.Fields[0].Name == "Retry-After" {
			return
		}
	}
	t.Error("any number of attempts is taken")
}

// TestAdmitAllocates nothing where no login is asked for.
func TestAdmitAllocates(t *testing.T) {
	g := &Gate{}
	for _, fields := range [][]string{
		{"Host", "127.0.0.1:8076", "Upgrade", "WebSocket", "Connection", "Upgrade", "Origin", "http://127.0.0.1:8076"},
		{"Host", "localhost:8076"}, {"Host", "[::1]:8076", "Origin", "http://[::1]:8076"},
	} {
		head := request("GET", "/", fields...)
		if n := testing.AllocsPerRun(100, func() {
			if _, refusal := g.Admit(&Request{Head: head, Dialect: core.RFC6455, Transport: "tcp", Peer: peer{}}); refusal != nil {
				t.Fatal(refusal)
			}
		}); n != 0 {
			t.Errorf("%q: %v allocations", fields, n)
		}
	}
}

func BenchmarkAdmit(b *testing.B) {
	g := &Gate{}
	head := request("GET", "/echo", "Upgrade", "WebSocket", "Connection", "Upgrade", "Host", "127.0.0.1:8076", "Origin", "http://127.0.0.1:8076",
		"Sec-WebSocket-Key1", "18x 6]8vM;54 *(5:  {   U1]8  z [  8", "Sec-WebSocket-Key2", "1_ tx7X d  <  nw  334J702) 7]o}` 0")
	b.ReportAllocs()
	for b.Loop() {
		if _, refusal := g.Admit(&Request{Head: head, Dialect: core.Hixie76, Transport: "tcp", Peer: peer{}}); refusal != nil {
			b.Fatal(refusal)
		}
	}
}

// FuzzAdmit: whatever a request says, a refusal is one line and can be answered, and the
// page of another site is not let in.
func FuzzAdmit(f *testing.F) {
	f.Add("localhost:8076", "http://localhost:8076")
	f.Add("[::1]", "http://[::1]:80")
	f.Add("box.lan", "null")
	f.Add("evil.test", "http://*:")
	hosts, _ := ParseHosts([]string{"*.lan"})
	g := &Gate{Hosts: hosts}
	f.Fuzz(func(t *testing.T, host, origin string) {
		refusal := g.Over("tcp")(request("GET", "/", "Host", host, "Origin", origin), core.RFC6455)
		if refusal == nil {
			o, ok := splitOrigin(strings.Trim(origin, " \t"))
			name, _, asked := splitHost(strings.Trim(host, " \t"))
			if !ok || !asked || !sameName(o.host, name) {
				t.Errorf("%q is let in at %q", origin, host)
			}
			return
		}
		response := hixie.Response{Proto: "HTTP/1.1", Status: refusal.Status, Reason: refusal.Reason, Fields: refusal.Fields}
		if err := response.Check(); err != nil || refusal.Text == "" || strings.ContainsAny(refusal.Text, "\r\n\x00\x1b") {
			t.Errorf("%q, %q: %+v, %v", host, origin, refusal, err)
		}
	})
}
