package pack

import (
	"encoding/base64"
	"fmt"
	"strings"
)

// pemEnds are the forms in which lines of a PEM block reach telemetry.
var pemEnds = map[string]string{
	"": "\n", "lf": "\n", "crlf": "\r\n", "esc": `\n`, "esc2": `\\n`, "esccrlf": `\r\n`, "uni": `\u000a`,
	"space": " ", "none": "", "diff": "\n+", "indent": "\n    ", "numbered": "\n  12\t", "cut": "\n",
}

// pem appends a block of arg's label. After a colon stands a key of pemEnds;
// "cut" leaves the END line and a part of the body out.
func (e *expander) pem(arg string) error {
	label, form, _ := strings.Cut(arg, ":")
	end, ok := pemEnds[form]
	if label == "" || !ok {
		return fmt.Errorf("unknown form %q of a PEM block", form)
	}
	raw := make([]byte, 240)
	for i := range raw {
		raw[i] = byte(e.rng.Uint32())
	}
	switch {
	case strings.HasPrefix(label, "OPENSSH"):
		copy(raw, "openssh-key-v1\x00")
	case strings.HasPrefix(label, "PGP"):
		raw[0] = 0x95
	default:
		copy(raw, []byte{0x30, 0x81, 237, 0x02, 0x01, 0x00}) // a DER SEQUENCE
	}
	body := base64.StdEncoding.EncodeToString(raw)
	rule := "-----"
	if strings.HasPrefix(label, "SSH2") {
		rule = "---- "
	}
	lines := []string{rule + "BEGIN " + label + reverse(rule)}
	if strings.HasPrefix(label, "PGP") {
		lines = append(lines, "")
	}
	for ; len(body) > 64; body = body[64:] {
		lines = append(lines, body[:64])
	}
	lines = append(lines, body)
	if form == "cut" {
		lines = lines[:len(lines)-2]
	} else {
		lines = append(lines, rule+"END "+label+reverse(rule))
	}
	e.out = append(e.out, strings.Join(lines, end)...)
	return nil
}

func reverse(rule string) string {
	if strings.HasSuffix(rule, " ") {
		return " " + strings.TrimSuffix(rule, " ")
	}
	return rule
}
