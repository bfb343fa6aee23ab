package live

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/input"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

// ws76 builds the command once and returns its path.
var buildOnce = sync.OnceValues(func() (string, error) {
	dir, err := os.MkdirTemp("", "ws76-live")
	if err != nil {
		return "", err
	}
	name := filepath.Join(dir, "ws76")
	if runtime.GOOS == "windows" {
		name += ".exe"
	}
	build := exec.Command("go", "build", "-o", name, "./cmd/ws76")
	build.Dir = filepath.Join("..", "..")
	if out, err := build.CombinedOutput(); err != nil {
		return "", fmt.Errorf("building ws76: %w\n%s", err, out)
	}
	return name, nil
})

func ws76(t testing.TB, args ...string) *exec.Cmd {
	t.Helper()
	path, err := buildOnce()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(path, args...)
	cmd.WaitDelay = 10 * time.Second
	return cmd
}

// stop ends a process that a test started and waits for it.
func stop(t testing.TB, cmd *exec.Cmd) {
	t.Helper()
	cmd.Process.Signal(os.Interrupt)
	gone := time.AfterFunc(15*time.Second, func() { cmd.Process.Kill() })
	cmd.Wait()
	if !gone.Stop() {
		t.Errorf("%v did not stop when it was told to", cmd.Args)
	}
}

// freeAddr returns an address of this machine that nobody listens on.
func freeAddr(t testing.TB) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

// serve starts ws76 serve and returns once it answers.
func serve(t *testing.T, addr string, args ...string) *exec.Cmd {
	t.Helper()
	cmd := ws76(t, append([]string{"serve", addr}, args...)...)
	var said strings.Builder
	cmd.Stderr = &said
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	for deadline := time.Now().Add(20 * time.Second); ; time.Sleep(20 * time.Millisecond) {
		if r, err := http.Get("http://" + addr + "/healthz"); err == nil {
			r.Body.Close()
			return cmd
		}
		if time.Now().After(deadline) {
			stop(t, cmd)
			t.Fatalf("%v does not answer; it said:\n%s", cmd.Args, said.String())
		}
	}
}

// device is ws76 connect that speaks draft 76: what the devices of the time do.
type device struct {
	t     *testing.T
	cmd   *exec.Cmd
	stdin io.WriteCloser
	lines chan string // that it received
}

func connect(t *testing.T, url string, args ...string) *device {
	t.Helper()
	cmd := ws76(t, append([]string{"connect", url}, args...)...)
	stdin, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	d := &device{t: t, cmd: cmd, stdin: stdin, lines: make(chan string, 1000)}
	go func() {
		defer close(d.lines)
		for s := bufio.NewScanner(stdout); s.Scan(); {
			select {
			case d.lines <- s.Text():
			default: // nobody looks
			}
		}
	}()
	return d
}

func (d *device) send(text string) {
	d.t.Helper()
	if _, err := io.WriteString(d.stdin, text+"\n"); err != nil {
		d.t.Fatal(err)
	}
}

// expect waits for a line.
func (d *device) expect(want string) {
	d.t.Helper()
	for timeout := time.After(20 * time.Second); ; {
		select {
		case line, ok := <-d.lines:
			if line == want {
				return
			}
			if !ok {
				d.t.Fatalf("the device's connection ended before %q", want)
			}
		case <-timeout:
			d.t.Fatalf("the device never got %q", want)
		}
	}
}

func (d *device) stop() {
	d.stdin.Close()
	stop(d.t, d.cmd)
	for range d.lines {
	}
}

const reading = `{"id":"temperature","value":%s,"unit":"C"}`

// rowWith is an expression: a message whose text is exactly that is shown.
func rowWith(text string) string {
	return `[...document.querySelectorAll("#messages pre")].some((e) => e.textContent === ` + strconv.Quote(text) + `)`
}

// coloured counts pixels of the first plot that are of its line's colour.
const coloured = `(() => {
  const canvas = document.querySelector(".plot canvas");
  const swatch = getComputedStyle(document.querySelector(".chip .swatch")).backgroundColor.match(/\d+/g).map(Number);
  const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
  let n = 0;
  for (let i = 0; i < data.length; i += 4) if (data[i + 3] > 200 && swatch.every((c, k) => Math.abs(c - data[i + k]) < 6)) n++;
  return n;
})()`

func TestDashboard(t *testing.T) {
	b := openBrowser(t)
	addr := freeAddr(t)
	server := serve(t, addr)
	defer func() { stop(t, server) }()
	b.window(1280, 900, "light")

	b.do(chromedp.Navigate("http://" + addr + "/"))
	b.wait("connected", `document.querySelector("#status").textContent === "live"`)
	b.wait("the empty state", `document.querySelector("#welcome").checkVisibility()`)
	b.wait("a command to copy", `[...document.querySelectorAll("code")].some((e) => e.textContent.includes("ws://`+addr+`/ws/demo/rw"))`)
	checkLooks(b, "empty, light")

	// A device comes, is listed with its dialect, and is looked at.
	dev := connect(t, "ws://"+addr+"/ws/greenhouse/rw")
	dev.send(fmt.Sprintf(reading, "20.5"))
	b.wait("the channel", `document.querySelector("#channels .name")?.textContent === "greenhouse"`)
	b.wait("the dialect", `document.querySelector('#conns [data-dialect="hixie-76"]')`)
	b.do(chromedp.Click(chromedp.CSS("#channels a")))
	b.wait("the feed", `document.querySelector("#feed").textContent === "live"`)
	dev.send(fmt.Sprintf(reading, "21.4"))
	b.wait("the message", rowWith(fmt.Sprintf(reading, "21.4")))
	b.wait("the value", `document.querySelector(".chip").textContent.includes("temperature21.4C")`)
	time.Sleep(300 * time.Millisecond) // two values make a line once time has passed between them
	dev.send(fmt.Sprintf(reading, "24.25"))
	b.wait("the value", `document.querySelector(".chip strong").textContent === "24.25"`)
	b.wait("a line", coloured+" > 20")
	checkLooks(b, "channel, light")

	t.Run("send", func(t *testing.T) {
		b.t, dev.t = t, t
		b.focusBy("m", "#send")
		b.do(chromedp.SendKeys(chromedp.CSS("#send"), "on"+kb.Enter))
		dev.expect("on")
		b.wait("what was sent", `document.querySelector("#messages li.out pre")?.textContent === "on"`)
	})
	t.Run("hostile", func(t *testing.T) { b.t, dev.t = t, t; hostile(b, dev) })
	t.Run("controls", func(t *testing.T) { b.t, dev.t = t, t; controls(b, dev) })
	t.Run("a bad name", func(t *testing.T) {
		b.t = t
		eval[string](b, `location.hash = "#/" + encodeURIComponent("no/name")`)
		b.wait("a refusal", `document.querySelector("#feed").textContent.startsWith("refused")`)
		b.complaints()
		eval[string](b, `location.hash = "#/greenhouse"`)
		b.wait("the feed", `document.querySelector("#feed").textContent === "live"`)
		dev.send(fmt.Sprintf(reading, "2"))
		b.wait("the reading", rowWith(fmt.Sprintf(reading, "2")))
	})
	t.Run("phone", func(t *testing.T) {
		b.t = t
		for _, view := range []string{"#/greenhouse", "#"} {
			b.window(360, 740, "dark")
			eval[string](b, `location.hash = "`+view+`"`)
			b.wait("the view", `document.querySelector("#overview").hidden === `+strconv.FormatBool(view != "#"))
			if width := eval[int](b, "document.documentElement.scrollWidth"); width > 360 {
				t.Errorf("%s is %d px wide", view, width)
			}
			checkLooks(b, view+" on a phone, dark")
		}
		b.window(1280, 900, "dark")
		eval[string](b, `location.hash = "#/greenhouse"`)
	})
	b.t, dev.t = t, t
	b.quiet("before the restart")

	// The server is another one; the page goes on by itself.
	stop(t, server)
	b.wait("that it is offline", `document.querySelector("#status").textContent === "offline" && document.querySelector("#notice").checkVisibility()`)
	dev.stop()
	server = serve(t, addr)
	b.wait("that it is back", `document.querySelector("#status").textContent === "live" && document.querySelector("#feed").textContent === "live"`)
	b.complaints() // of connections that failed meanwhile
	dev = connect(t, "ws://"+addr+"/ws/greenhouse/rw")
	defer dev.stop()
	dev.send(fmt.Sprintf(reading, "19.75"))
	b.wait("the next value", `document.querySelector(".chip strong").textContent === "19.75"`)
	b.do(chromedp.SendKeys(chromedp.CSS("#send"), "again"+kb.Enter))
	dev.expect("again")
	b.quiet("after the restart")
}

// checkLooks: nothing on the console, nothing without a name, nothing too pale.
func checkLooks(b *browser, what string) {
	b.t.Helper()
	b.wait("colours that stay", `document.getAnimations().length === 0`)
	if bad := eval[string](b, contrast); bad != "" {
		b.t.Errorf("%s: too little contrast:\n%s", what, bad)
	}
	if bad := eval[string](b, nameless); bad != "" {
		b.t.Errorf("%s: controls without a name:\n%s", what, bad)
	}
	b.quiet(what)
}

// hostile: what a peer sends is text, wherever the page shows it.
func hostile(b *browser, dev *device) {
	for _, text := range []string{
		`<script>window.pwned = 1</script>`,
		`<img src=x onerror="window.pwned = 1">`,
		`{"id":"<img src=x onerror='window.pwned = 1'>","value":1,"unit":"<b>K"}`,
		`{"__proto__":{"pwned":1},"value":3}`,
		`"><svg onload=window.pwned=1>`,
	} {
		dev.send(text)
		b.wait("the text as it is", rowWith(text))
	}
	b.wait("the name as it is", `[...document.querySelectorAll(".chip .name")].some((e) => e.textContent.startsWith("<img src=x"))`)
	if eval[bool](b, `window.pwned !== undefined || ({}).pwned !== undefined || document.querySelector("main img, main script, main b") !== null`) {
		b.t.Error("what a device sent became more than text")
	}
	dev.send("\x1b[31mred\u202e")
	b.wait("control characters", rowWith("␛[31mred<U+202E>"))
	b.quiet("hostile messages")
}

// controls: the bars and the keys.
func controls(b *browser, dev *device) {
	b.do(chromedp.Blur(chromedp.CSS("#send")))
	b.key("?")
	b.wait("the list of keys", `document.querySelector("#help").open`)
	b.key(kb.Escape)
	b.wait("no list of keys", `!document.querySelector("#help").open`)

	b.key("c")
	b.wait("an empty list", `document.querySelectorAll("#messages li").length === 0 && document.querySelector("#plots-section").hidden`)
	b.key("p")
	dev.send("while paused")
	b.wait("a pause", `document.querySelector("#messages-count").textContent.includes("1 more")`)
	if eval[bool](b, rowWith("while paused")) {
		b.t.Error("a message was shown during a pause")
	}
	b.key("p")
	b.wait("the message", rowWith("while paused"))
	dev.send(fmt.Sprintf(reading, "1"))
	b.wait("the reading", rowWith(fmt.Sprintf(reading, "1")))

	b.focusBy("f", "#filter")
	b.do(chromedp.SendKeys(chromedp.CSS("#filter"), "PAUSED"))
	b.wait("the filter", `document.querySelectorAll("#messages li").length === 1`)
	eval[bool](b, `(() => { const f = document.querySelector("#filter"); f.value = ""; f.dispatchEvent(new Event("input")); f.blur(); return true; })()`)
	b.key("v")
	b.key("v")
	b.wait("pretty JSON", rowWith("{\n  \"id\": \"temperature\",\n  \"value\": 1,\n  \"unit\": \"C\"\n}"))
	b.key("v")
	b.wait("hex", `document.querySelector("#messages pre").textContent.startsWith("0000  7b 22 69")`)
	b.key("v")

	// A drag over a plot zooms, z goes back.
	b.wait("the plot", `document.querySelector(".u-over")?.getBoundingClientRect().width > 100`)
	eval[bool](b, `(document.querySelector("main").scrollTop = 0, true)`)
	at := eval[[]float64](b, `(() => { const r = document.querySelector(".u-over").getBoundingClientRect(); return [r.left, r.top + r.height / 2, r.width]; })()`)
	b.do(chromedp.MouseEvent(input.DispatchMouseEventTypeMouseMoved, at[0]+at[2]*0.3, at[1]),
		chromedp.MouseEvent(input.DispatchMouseEventTypeMousePressed, at[0]+at[2]*0.3, at[1], chromedp.ButtonLeft),
		chromedp.MouseEvent(input.DispatchMouseEventTypeMouseMoved, at[0]+at[2]*0.6, at[1], chromedp.ButtonLeft),
		chromedp.MouseEvent(input.DispatchMouseEventTypeMouseReleased, at[0]+at[2]*0.6, at[1], chromedp.ButtonLeft))
	b.wait("a zoom", `!document.querySelector("#reset-zoom").hidden`)
	b.key("z")
	b.wait("no zoom", `document.querySelector("#reset-zoom").hidden`)

	// Light and dark, by hand against the system.
	light := eval[string](b, `getComputedStyle(document.body).backgroundColor`)
	b.key("t")
	b.key("t")
	b.wait("the dark theme", `getComputedStyle(document.body).backgroundColor !== "`+light+`"`)
	b.key("t")
	b.wait("the system's theme", `getComputedStyle(document.body).backgroundColor === "`+light+`"`)

	b.key("o")
	b.wait("the overview", `document.querySelector("#channel").hidden`)
	b.key("j")
	b.wait("the channel", `!document.querySelector("#channel").hidden`)
	b.quiet("controls")
}

// TestDashboardOrigins: a list of other sites does not shut out the server's own page,
// and lets nobody else in.
func TestDashboardOrigins(t *testing.T) {
	b := openBrowser(t)
	addr := freeAddr(t)
	server := serve(t, addr, "--origin", "https://other.example")
	defer stop(t, server)
	b.window(1280, 900, "dark")
	b.do(chromedp.Navigate("http://" + addr + "/#/lab"))
	b.wait("the feed", `document.querySelector("#feed").textContent === "live"`)
	checkLooks(b, "a channel without messages, dark")

	// The same browser, a page of another port: another site.
	other := freeAddr(t)
	stranger := serve(t, other)
	defer stop(t, stranger)
	b.do(chromedp.Navigate("http://" + other + "/healthz"))
	b.wait("a refusal", `(window.ws ??= Object.assign(new WebSocket("ws://`+addr+`/ws/lab/ro"), {onerror() { window.refused = true; }})) && window.refused`)
	b.wait("a refusal", `(window.asked ??= fetch("http://`+addr+`/api/state", {mode: "no-cors"}).then(() => fetch("http://`+addr+`/api/state")).catch(() => { window.unread = true; })) && window.unread`)
}

// TestDashboardPassword: the browser passes the page's password on.
func TestDashboardPassword(t *testing.T) {
	b := openBrowser(t)
	addr := freeAddr(t)
	users := filepath.Join(t.TempDir(), "users")
	if err := os.WriteFile(users, []byte("lab:secret\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	server := serve(t, addr, "--auth-file", users)
	defer stop(t, server)
	b.window(1280, 900, "light")
	b.do(chromedp.Navigate("http://lab:secret@" + addr + "/#/lab"))
	b.wait("the state", `document.querySelector("#status").textContent === "live"`)
	b.wait("the feed", `document.querySelector("#feed").textContent === "live"`)
	b.do(chromedp.SendKeys(chromedp.CSS("#send"), "hello"+kb.Enter))
	b.wait("what was sent", rowWith("hello"))
	b.quiet("with a password")
}
