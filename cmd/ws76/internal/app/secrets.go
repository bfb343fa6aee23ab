package app

import (
	"net/url"
	"slices"
	"strconv"
	"strings"

	relayformat "github.com/ws76/ws76/core/relay/format"
)

// Hide keeps the passwords of URLs, which texts of the command line, the environment and the configuration may be or have in
// them, out of what is logged from here on, whichever error quotes them. A trace shows what is on the wire.
func (l *Logger) Hide(texts ...string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, text := range texts {
		if password := passwordIn(text); password != "" && !slices.Contains(l.passwords, password) {
			l.passwords = append(l.passwords, password)
		}
	}
	if len(l.passwords) > 0 {
		l.hidden.Store(hiding(l.passwords))
	}
}

// hideIn is Hide for all strings of a configuration.
func (l *Logger) hideIn(value any) {
	switch value := value.(type) {
	case string:
		l.Hide(value)
	case []any:
		for _, v := range value {
			l.hideIn(v)
		}
	case []map[string]any:
		for _, v := range value {
			l.hideIn(v)
		}
	case map[string]any:
		for _, v := range value {
			l.hideIn(v)
		}
	}
}

// passwordIn returns what stands between a colon and the last @ of a URL, or of what may be meant as one; "" for none.
func passwordIn(text string) string {
	at := strings.LastIndexByte(text, '@')
	if at < 0 {
		return ""
	}
	text = text[:at]
	if _, rest, ok := strings.Cut(text, "//"); ok {
		text = rest
	} else if strings.ContainsAny(text, " \t\r\n") {
		return "" // it is no URL
	}
	_, password, _ := strings.Cut(text, ":")
	return password
}

// hiding returns what puts xxxxx in the place of passwords, in all the ways in which a URL that has one is quoted.
func hiding(passwords []string) *strings.Replacer {
	var pairs []string
	add := func(before, password, after string) {
		if password == "" {
			return
		}
		quoted := strconv.Quote(password)
		for _, form := range []string{password, quoted[1 : len(quoted)-1], string(relayformat.AppendEscapedLine(nil, []byte(password)))} {
			pairs = append(pairs, before+form+after, before+"xxxxx"+after)
		}
	}
	const telling = 4 // bytes that stand by chance before no @
	for _, password := range passwords {
		add(":", password, "@")
		if len(password) >= telling {
			add("", password, "@")
		}
		if plain, err := url.PathUnescape(password); err == nil {
			add(":", plain, "@")
			add(":", url.UserPassword("", plain).String()[1:], "@")
		}
		// What is not escaped in it ends the host for those who parse the URL, and one half is a port that is none.
		if i := strings.IndexAny(password, "/?#"); i >= 0 {
			add(`":`, password[:i], `"`)
			add(":", password[:i], "/")
			i = strings.LastIndexAny(password, "/?#")
			add(password[i:i+1], password[i+1:], "@")
		}
	}
	return strings.NewReplacer(pairs...)
}
