package completion

import (
	"net/url"
	"strings"

	"github.com/ws76/ws76/cmd/ws76/internal/app"
	"github.com/ws76/ws76/cmd/ws76/internal/hooks"
	"github.com/ws76/ws76/cmd/ws76/internal/reach"
	"github.com/ws76/ws76/core"
	"github.com/ws76/ws76/plugins"
	"github.com/ws76/ws76/transports/all"
	"github.com/ws76/ws76/transports/serial"
)

// kinds are those of words that completion asks for.
var kinds = []string{"url", "endpoint", "via", "port", "plugin", "plugin-installed", "plugin-command"}

// listWords lists the words of a kind. prefix is what has been typed of the word;
// what does not begin with it may be listed, too.
func listWords(e *app.Env, kind, prefix string) []app.Word {
	switch kind {
	case "url":
		return append(webSocketURLs(), profileNames(e)...)
	case "endpoint":
		return append(endpoints(e, prefix), profileNames(e)...)
	case "via":
		return vias(e, prefix)
	case "port":
		return serialPorts("")
	case "plugin":
		return hooks.PluginNames(e, func(*plugins.Plugin) bool { return true })
	case "plugin-installed":
		return hooks.PluginNames(e, func(p *plugins.Plugin) bool { return !p.Builtin() })
	case "plugin-command":
		return e.Program.Others()
	}
	return nil
}

// profileNames are the profiles of the configuration file. One that cannot be read
// is for the command to complain about.
func profileNames(e *app.Env) []app.Word {
	path := e.Getenv("WS76_CONFIG")
	c, err := e.LoadConfig(e.Program.Commands(), path, path != "")
	if err != nil {
		return nil
	}
	var list []app.Word
	for _, name := range c.Profiles() {
		profile, _ := c.Profile(name)
		url, _ := profile["url"].(string)
		list = append(list, app.Word{Text: "@" + name, About: withoutPassword(url)})
	}
	return list
}

// withoutPassword is a URL to show, "" where it is none.
func withoutPassword(raw string) string {
	u, err := url.Parse(raw)
	if err != nil {
		return ""
	}
	return u.Redacted()
}

// endpoints are the beginnings of what ws76 bridge joins.
func endpoints(e *app.Env, prefix string) []app.Word {
	list := webSocketURLs()
	for _, c := range vias(e, prefix) {
		switch scheme, _, _ := strings.Cut(c.Text, ":"); scheme {
		case "tcp", "tls":
			list = append(list, app.Word{Text: scheme + "://", About: c.About})
		case "unix", "serial", "wifly", "exec", "stdio":
			list = append(list, c)
		}
	}
	return append(list,
		app.Word{Text: "connect:ws://", About: "a WebSocket server as FROM"},
		app.Word{Text: "wifly-module:///", About: "a WiFly module in software"},
		app.Word{Text: "mqtt://", About: "a topic of an MQTT broker"}, app.Word{Text: "mqtts://", About: "the same over TLS"},
		app.Word{Text: "nats://", About: "a subject of a NATS server"})
}

// webSocketURLs are the beginnings of WebSocket URLs.
func webSocketURLs() []app.Word {
	list := []app.Word{{Text: "ws://", About: "in the dialect of --dialect"}, {Text: "wss://", About: "over TLS"}}
	for _, d := range core.Dialects {
		name := strings.ReplaceAll(string(d), "-", "")
		list = append(list, app.Word{Text: "ws+" + name + "://", About: string(d)}, app.Word{Text: "wss+" + name + "://", About: string(d) + " over TLS"})
	}
	return list
}

// vias are the transports: those that are built in, with the serial ports and
// files that are there, and executables on PATH.
func vias(e *app.Env, prefix string) []app.Word {
	var list []app.Word
	for _, entry := range all.Transports().Entries() {
		about, _, _ := strings.Cut(entry.Summary, ",")
		scheme := entry.Scheme + ":"
		switch {
		case entry.Scheme == "serial" || entry.Scheme == "wifly":
			if ports := serialPorts(scheme); len(ports) > 0 {
				list = append(list, ports...)
				continue
			}
			scheme += "///"
		case strings.HasPrefix(prefix, scheme+"///"):
			list = append(list, filesBehind(scheme+"//", prefix)...)
			continue
		case strings.Contains(entry.Example, ":///"):
			scheme += "///"
		case strings.Contains(entry.Example, "://"):
			scheme += "//"
		}
		list = append(list, app.Word{Text: scheme, About: about})
	}
	for _, name := range e.Executables(reach.TransportProgram) {
		list = append(list, app.Word{Text: name + ":", About: reach.TransportProgram + name})
	}
	return list
}

// serialPorts are the ports of this machine; with a scheme as URLs.
func serialPorts(scheme string) []app.Word {
	var list []app.Word
	for _, port := range serial.Ports() {
		text := port
		if scheme != "" && strings.HasPrefix(port, "/") {
			text = scheme + "//" + port
		} else if scheme != "" {
			text = scheme + port
		}
		list = append(list, app.Word{Text: text, About: "serial port"})
	}
	return list
}
