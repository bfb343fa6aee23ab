package live

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"
)

// script counts messages by a label that has all that is escaped in it.
const script = `local n = 0
function on_message() n = n + 1; ws76.metric("seen", n, {room = 'a"b\\c\nd'}) end`

// TestMetrics reads what ws76 serve says with Prometheus' own parser, while a
// device and a subscriber of two dialects are connected.
func TestMetrics(t *testing.T) {
	addr := freeAddr(t)
	server := serve(t, addr, "--eval", script)
	defer stop(t, server)
	publisher := connect(t, "ws://"+addr+"/ws/greenhouse/wo")
	defer publisher.stop()
	subscriber := connect(t, "ws://"+addr+"/ws/greenhouse/ro", "--dialect", "rfc6455")
	defer subscriber.stop()
	got := false
	for i := 0; !got; i++ { // until both are there
		publisher.send(fmt.Sprint(i))
		select {
		case <-subscriber.lines:
			got = true
		case <-time.After(100 * time.Millisecond):
			if i == 200 {
				t.Fatal("nothing arrives")
			}
		}
	}
	refused, err := http.NewRequest("GET", "http://"+addr+"/echo", nil)
	if err != nil {
		t.Fatal(err)
	}
	for name, value := range map[string]string{"Connection": "Upgrade", "Upgrade": "websocket", "Sec-WebSocket-Version": "7", "Sec-WebSocket-Key": "x"} {
		refused.Header.Set(name, value)
	}
	if r, err := http.DefaultClient.Do(refused); err == nil {
		r.Body.Close()
	}

	families := scrape(t, addr)
	for name, kind := range map[string]io_prometheus_client.MetricType{
		"ws76_connections":              io_prometheus_client.MetricType_GAUGE,
		"ws76_connections_opened_total": io_prometheus_client.MetricType_COUNTER,
		"ws76_messages_total":           io_prometheus_client.MetricType_COUNTER,
		"ws76_bytes_total":              io_prometheus_client.MetricType_COUNTER,
		"ws76_handshakes_failed_total":  io_prometheus_client.MetricType_COUNTER,
		"ws76_channels":                 io_prometheus_client.MetricType_GAUGE,
		"ws76_subscribers":              io_prometheus_client.MetricType_GAUGE,
		"ws76_queue_messages":           io_prometheus_client.MetricType_GAUGE,
		"ws76_hook_seconds":             io_prometheus_client.MetricType_HISTOGRAM,
		"process_start_time_seconds":    io_prometheus_client.MetricType_GAUGE,
	} {
		f := families[name]
		if f == nil {
			t.Errorf("there is no %s", name)
			continue
		}
		if f.GetType() != kind || f.GetHelp() == "" || len(f.Metric) == 0 {
			t.Errorf("%s is a %v of %d series with help %q", name, f.GetType(), len(f.Metric), f.GetHelp())
		}
	}
	for _, test := range []struct {
		name, label, value string
		min                float64
	}{
		{"ws76_connections", "dialect", "hixie-76", 1},
		{"ws76_connections", "dialect", "rfc6455", 1},
		{"ws76_connections_opened_total", "dialect", "hixie-76", 1},
		{"ws76_messages_total", "direction", "in", 1},
		{"ws76_messages_total", "direction", "out", 1},
		{"ws76_bytes_total", "direction", "in", 3},
		{"ws76_channels", "", "", 1},
		{"ws76_subscribers", "", "", 1},
		{"ws76_script_seen", "room", "a\"b\\c\nd", 1},
	} {
		if v := value(families[test.name], test.label, test.value); v < test.min {
			t.Errorf("%s{%s=%q} is %v, want at least %v", test.name, test.label, test.value, v, test.min)
		}
	}
	if f := families["ws76_hook_seconds"]; len(f.GetMetric()) != 1 || f.Metric[0].GetHistogram().GetSampleCount() < 1 {
		t.Errorf("the script's time was not measured: %v", f)
	}
	var failed float64
	if f := families["ws76_handshakes_failed_total"]; f != nil {
		for _, m := range f.Metric {
			failed += m.GetCounter().GetValue()
		}
	}
	if failed < 1 {
		t.Error("the refused handshake was not counted")
	}
}

func scrape(t *testing.T, addr string) map[string]*io_prometheus_client.MetricFamily {
	t.Helper()
	r, err := http.Get("http://" + addr + "/metrics")
	if err != nil {
		t.Fatal(err)
	}
	defer r.Body.Close()
	if kind := r.Header.Get("Content-Type"); r.StatusCode != 200 || !strings.HasPrefix(kind, "text/plain; version=0.0.4") {
		t.Fatalf("/metrics: %s, %s", r.Status, kind)
	}
	parser := expfmt.NewTextParser(model.LegacyValidation)
	families, err := parser.TextToMetricFamilies(r.Body)
	if err != nil {
		t.Fatal(err)
	}
	return families
}

// value returns a gauge or counter, -1 if it is not there.
func value(f *io_prometheus_client.MetricFamily, label, want string) float64 {
	for _, m := range f.GetMetric() {
		matches := label == ""
		for _, l := range m.Label {
			matches = matches || l.GetName() == label && l.GetValue() == want
		}
		if matches {
			return m.GetGauge().GetValue() + m.GetCounter().GetValue()
		}
	}
	return -1
}
