package nats

const prefix = "ws76."

// Subject returns the subject of a channel: ws76. and its name, in which all but
// letters and digits of ASCII, - and _ is written %XX. So a name is one token.
func Subject(channel string) string {
	const digits = "0123456789ABCDEF"
	subject := make([]byte, 0, len(prefix)+len(channel))
	subject = append(subject, prefix...)
	for i := range len(channel) {
		c := channel[i]
		switch {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9', c == '-', c == '_':
			subject = append(subject, c)
		default:
			subject = append(subject, '%', digits[c>>4], digits[c&15])
		}
	}
	return string(subject)
}
