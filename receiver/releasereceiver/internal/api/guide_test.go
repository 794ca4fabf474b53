package api

import (
	"net/http/httptest"
	"net/url"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/confmap"
	"go.yaml.in/yaml/v3"

	"github.com/tracescrub/tracescrub/receiver/releasereceiver/internal/api/apitest"
)

// guide returns the fenced blocks of the guide in one language.
func guide(t *testing.T, language string) []string {
	t.Helper()
	text, err := os.ReadFile("../../../../docs/api.md")
	require.NoError(t, err)
	var blocks []string
	for i, part := range strings.Split(string(text), "\n```") {
		if block, ok := strings.CutPrefix(part, language+"\n"); ok && i%2 == 1 {
			blocks = append(blocks, block)
		}
	}
	require.NotEmpty(t, blocks)
	return blocks
}

// words splits a command as a shell does, as far as the guide goes: double
// quotes with variables, single quotes without.
func words(t *testing.T, line string, variable func(string) string) []string {
	t.Helper()
	var all []string
	word, some := "", false
	var quote rune
	for _, r := range line {
		switch {
		case quote == 0 && (r == '"' || r == '\''):
			quote, some = r, true
		case r == quote:
			quote = 0
		case quote == 0 && r == ' ':
			if some {
				all = append(all, word)
			}
			word, some = "", false
		case r == '$' && quote != '\'':
			word += "\x00"
		default:
			word, some = word+string(r), true
		}
		if quote == '\'' && r == '$' {
			t.Fatal("a variable in single quotes is none")
		}
	}
	require.Zero(t, quote, "a quote does not end: %s", line)
	if some {
		all = append(all, word)
	}
	for i, w := range all {
		parts := strings.Split(w, "\x00")
		for j := 1; j < len(parts); j++ {
			end := strings.IndexFunc(parts[j], func(r rune) bool { return (r < 'A' || r > 'Z') && (r < '0' || r > '9') })
			if end < 0 {
				end = len(parts[j])
			}
			parts[j] = variable(parts[j][:end]) + parts[j][end:]
		}
		all[i] = strings.Join(parts, "")
	}
	return all
}

// Every command of the guide works, and is one that the document describes.
func TestGuideCommands(t *testing.T) {
	variables := map[string]string{
		"GATE": "http://example.com", "ID": apitest.ID(1), "ID2": apitest.ID(2),
		"TOKEN": strings.TrimPrefix(bearer(person("root", "all")), "Bearer "),
	}
	seen := map[string]bool{}
	a := newAPI(t)
	for _, block := range guide(t, "sh") {
		for line := range strings.Lines(block) {
			args := words(t, strings.TrimSpace(line), func(name string) string {
				require.Contains(t, variables, name)
				return variables[name]
			})
			require.Equal(t, "curl", args[0])
			method, target, body, headers := "GET", "", "", [][2]string{}
			for i := 1; i < len(args); i++ {
				switch args[i] {
				case "-sS", "-i", "-N":
				case "-X":
					i++
					method = args[i]
				case "-d":
					i++
					body = args[i]
				case "-H":
					i++
					name, value, ok := strings.Cut(args[i], ": ")
					require.True(t, ok, line)
					headers = append(headers, [2]string{name, value})
				default:
					require.Empty(t, target, "unknown to this test: %s", args[i])
					target = args[i]
				}
			}
			u, err := url.Parse(target)
			require.NoError(t, err)
			r := httptest.NewRequest(method, u.String(), strings.NewReader(body))
			for _, h := range headers {
				r.Header.Set(h[0], h[1])
			}
			if strings.HasSuffix(u.Path, "/events") {
				a.Close() // the stream ends at once
			}
			path, _ := templateOf(u.Path)
			seen[method+" "+path] = true
			resp, answer := send(t, a, r)
			require.Equal(t, 200, resp.StatusCode, "%s\n%s", line, answer)
		}
	}
	for route := range access {
		if strings.Contains(route, "/api/") {
			require.True(t, seen[route], "the guide does not show %s", route)
		}
	}
}

// The configuration in the guide is one, with all keys there are.
func TestGuideConfiguration(t *testing.T) {
	for _, block := range guide(t, "yaml") {
		var raw map[string]any
		require.NoError(t, yaml.Unmarshal([]byte(block), &raw))
		conf, err := confmap.NewFromStringMap(raw).Sub("receivers::release_gate")
		require.NoError(t, err)
		c := NewDefaultConfig()
		require.NoError(t, conf.Unmarshal(&c, confmap.WithIgnoreUnused())) // the rest is the receiver's
		require.NoError(t, confmap.Validate(&c))
		require.True(t, c.Login.HasValue())
		require.Equal(t, NewDefaultConfig().Limits, c.Limits, "the guide shows the defaults")
	}
	c := NewDefaultConfig()
	require.NoError(t, confmap.NewFromStringMap(map[string]any{}).Unmarshal(&c))
	require.False(t, c.Login.HasValue())
}
