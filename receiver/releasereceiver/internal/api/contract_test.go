package api

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"
)

// contract is openapi.yaml as what it says of answers.
type contract struct {
	doc      map[string]any
	compiler *jsonschema.Compiler
	mu       sync.Mutex
	schemas  map[string]*jsonschema.Schema // guarded by mu
}

const documentURL = "https://gate.example/openapi.json"

var theContract = sync.OnceValue(func() *contract {
	var doc map[string]any
	if err := yaml.Unmarshal(openapi, &doc); err != nil {
		panic(err)
	}
	asJSON, err := json.Marshal(doc)
	if err != nil {
		panic(err)
	}
	parsed, err := jsonschema.UnmarshalJSON(bytes.NewReader(asJSON))
	if err != nil {
		panic(err)
	}
	c := jsonschema.NewCompiler()
	c.DefaultDraft(jsonschema.Draft2020)
	c.AssertFormat()
	if err := c.AddResource(documentURL, parsed); err != nil {
		panic(err)
	}
	return &contract{doc: parsed.(map[string]any), compiler: c, schemas: map[string]*jsonschema.Schema{}}
})

// at follows a pointer, and the references on its way; it returns what is
// there and where that really stands.
func (c *contract) at(steps ...string) (any, string) {
	var v any = c.doc
	pointer := ""
	for _, step := range append(steps, "") {
		for {
			ref, ok := v.(map[string]any)["$ref"].(string)
			if !ok {
				break
			}
			v, pointer = c.at(strings.Split(strings.TrimPrefix(ref, "#/"), "/")...)
		}
		if step == "" {
			continue
		}
		step = strings.NewReplacer("~1", "/", "~0", "~").Replace(step)
		m, ok := v.(map[string]any)
		if !ok || m[step] == nil {
			return nil, ""
		}
		v = m[step]
		pointer += "/" + strings.NewReplacer("~", "~0", "/", "~1").Replace(step)
		if _, ok := v.(map[string]any); !ok {
			return v, pointer
		}
	}
	return v, pointer
}

func (c *contract) validate(pointer string, value any) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	s := c.schemas[pointer]
	if s == nil {
		var err error
		if s, err = c.compiler.Compile(documentURL + "#" + pointer); err != nil {
			return err
		}
		c.schemas[pointer] = s
	}
	return s.Validate(value)
}

// operation returns where the document describes a method of an address.
func (c *contract) operation(method, path string) []string {
	path, _ = templateOf(path)
	if method == http.MethodHead {
		method = http.MethodGet
	}
	for _, p := range []string{path, pathPage} {
		steps := []string{"paths", p, strings.ToLower(method)}
		if op, _ := c.at(steps...); op != nil {
			return steps
		}
		if strings.HasPrefix(path, "/api/") || path == pathLogin || strings.HasPrefix(path, pathLogin+"/") {
			break
		}
	}
	return nil
}

// unheard are refusals that may come before anyone looks at the address.
var unheard = []int{403, 404, 405, 421, 429}

// check says in what an answer differs from the document.
func (c *contract) check(method, path string, resp *http.Response, body []byte) error {
	response := []string{"components", "responses", "BadRequest"} // whatever has the schema of a problem
	status := resp.StatusCode
	absent := status == http.StatusMethodNotAllowed || status == http.StatusNotFound && !strings.HasPrefix(path, "/api/") // here, though in the document
	if op := c.operation(method, path); op != nil && !absent {
		response = append(op, "responses", fmt.Sprint(resp.StatusCode))
	} else if !slices.Contains(unheard, resp.StatusCode) {
		return fmt.Errorf("%s %s is not in the document, and the status is %d", method, path, resp.StatusCode)
	}
	described, _ := c.at(response...)
	if described == nil {
		return fmt.Errorf("%s %s: the document does not know status %d", method, path, resp.StatusCode)
	}
	if err := c.checkHeaders(resp, response); err != nil {
		return err
	}
	if resp.StatusCode >= 400 && resp.Header.Get("Content-Type") != "application/problem+json" {
		return fmt.Errorf("status %d without a problem document", resp.StatusCode)
	}
	content, _ := c.at(append(response, "content")...)
	if content == nil || method == http.MethodHead && len(body) == 0 {
		if len(body) > 0 {
			return fmt.Errorf("status %d has a body", resp.StatusCode)
		}
		return nil
	}
	mediaType, _, _ := strings.Cut(resp.Header.Get("Content-Type"), ";")
	schema, pointer := c.at(append(response, "content", mediaType, "schema")...)
	if schema == nil {
		return fmt.Errorf("status %d: the document does not know %s", resp.StatusCode, mediaType)
	}
	if !strings.HasSuffix(mediaType, "json") {
		return nil
	}
	value, err := jsonschema.UnmarshalJSON(bytes.NewReader(body))
	if err != nil {
		return err
	}
	if resp.StatusCode >= 400 && value.(map[string]any)["instance"] != "urn:uuid:"+resp.Header.Get("X-Request-Id") {
		return fmt.Errorf("instance is not the request id")
	}
	return c.validate(pointer, value)
}

func (c *contract) checkHeaders(resp *http.Response, response []string) error {
	for name := range securityHeaders {
		if resp.Header.Get(name) == "" {
			return fmt.Errorf("header %s is missing", name)
		}
	}
	headers, _ := c.at(append(response, "headers")...)
	described, _ := headers.(map[string]any)
	for name := range described {
		value := resp.Header.Get(name)
		if value == "" {
			return fmt.Errorf("status %d without the header %s", resp.StatusCode, name)
		}
		_, pointer := c.at(append(response, "headers", name, "schema")...)
		if err := c.validate(pointer, value); err != nil {
			return fmt.Errorf("header %s: %w", name, err)
		}
	}
	return nil
}

// send sends a request to the API and holds the answer against the document.
func send(t testing.TB, a *API, r *http.Request) (*http.Response, []byte) {
	t.Helper()
	rec := httptest.NewRecorder()
	a.ServeHTTP(rec, r)
	resp := rec.Result()
	body := rec.Body.Bytes()
	if r.Method == http.MethodHead {
		body = nil // as the server would
	}
	require.NoError(t, theContract().check(r.Method, r.URL.Path, resp, body), "%s %s: %d", r.Method, r.URL.Path, resp.StatusCode)
	return resp, body
}

// Every route is in the document, and everything in the document is a route.
func TestDocumentHasRoutes(t *testing.T) {
	a := newAPI(t, withLogin)
	documented := 0
	for path, item := range theContract().doc["paths"].(map[string]any) {
		for method := range item.(map[string]any) {
			if method == "parameters" {
				continue
			}
			documented++
			require.Contains(t, a.routes[path], strings.ToUpper(method), path)
		}
	}
	routes := 0
	for path, methods := range a.routes {
		for method := range methods {
			if method == http.MethodHead {
				continue
			}
			routes++
			op, _ := theContract().at("paths", path, strings.ToLower(method))
			require.NotNil(t, op, "%s %s", method, path)
		}
	}
	require.Equal(t, routes, documented)
	require.Positive(t, routes)
}

// Every schema compiles, every example is what its schema says, and each
// name of a problem stands where its status is described.
func TestDocumentHoldsTogether(t *testing.T) {
	c := theContract()
	schemas, _ := c.at("components", "schemas")
	for name := range schemas.(map[string]any) {
		_, err := c.compiler.Compile(documentURL + "#/components/schemas/" + name)
		require.NoError(t, err, name)
	}
	examples := 0
	var walk func(v any, pointer string)
	walk = func(v any, pointer string) {
		m, ok := v.(map[string]any)
		if !ok {
			return
		}
		if all, ok := m["examples"].(map[string]any); ok {
			for name, e := range all {
				examples++
				require.NoError(t, c.validate(pointer+"/schema", e.(map[string]any)["value"]), "%s %s", pointer, name)
			}
		}
		for key, child := range m {
			walk(child, pointer+"/"+strings.NewReplacer("~", "~0", "/", "~1").Replace(key))
		}
	}
	walk(c.doc, "")
	require.Greater(t, examples, 8)
	for name, p := range titles {
		found := false
		responses, _ := c.at("components", "responses")
		for _, r := range responses.(map[string]any) {
			found = found || strings.Contains(r.(map[string]any)["description"].(string), "`"+name+"`")
		}
		require.True(t, found || p.status == 404 || p.status == 405, "no response of the document mentions %s", name)
	}
}

// The contract itself notices what it has to.
func TestContractNotices(t *testing.T) {
	good := func() (*http.Response, map[string]any) {
		h := http.Header{"Content-Type": {"application/json"}, "Etag": {`"1"`}, "X-Request-Id": {"49205641-e9b5-4155-a86d-239c7099e990"}}
		for name, value := range securityHeaders {
			h.Set(name, value)
		}
		example, _ := theContract().at("paths", "/api/v1/items/{id}", "get", "responses", "200", "content", "application/json", "examples", "one", "value")
		copied := map[string]any{}
		for k, v := range example.(map[string]any) {
			copied[k] = v
		}
		return &http.Response{StatusCode: http.StatusOK, Header: h}, copied
	}
	tests := []struct {
		name  string
		plant func(*http.Response, map[string]any)
		want  string
	}{
		{"nothing", func(*http.Response, map[string]any) {}, ""},
		{"unknown member", func(_ *http.Response, m map[string]any) { m["content"] = "x" }, "content"},
		{"missing member", func(_ *http.Response, m map[string]any) { delete(m, "finding_list") }, "finding_list"},
		{"wrong type", func(_ *http.Response, m map[string]any) { m["version"] = "1" }, "version"},
		{"wrong time", func(_ *http.Response, m map[string]any) { m["held_at"] = "yesterday" }, "held_at"},
		{"missing header", func(r *http.Response, _ map[string]any) { r.Header.Del("ETag") }, "ETag"},
		{"missing security header", func(r *http.Response, _ map[string]any) { r.Header.Del("Content-Security-Policy") }, "Content-Security-Policy"},
		{"unknown status", func(r *http.Response, _ map[string]any) { r.StatusCode = 202 }, "202"},
		{"wrong media type", func(r *http.Response, _ map[string]any) { r.Header.Set("Content-Type", "text/plain") }, "text/plain"},
		{"no problem document", func(r *http.Response, _ map[string]any) { r.StatusCode = 404 }, "without a problem"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			resp, m := good()
			tt.plant(resp, m)
			body, err := json.Marshal(m)
			require.NoError(t, err)
			err = theContract().check(http.MethodGet, "/api/v1/items/"+strings.Repeat("0", 32), resp, body)
			if tt.want == "" {
				require.NoError(t, err)
			} else {
				require.ErrorContains(t, err, tt.want)
			}
		})
	}
}

// The guide explains every problem, under the name that its type leads to.
func TestGuideExplainsProblems(t *testing.T) {
	guide, err := os.ReadFile("../../../../docs/api.md")
	require.NoError(t, err)
	for name, p := range titles {
		require.Contains(t, string(guide), fmt.Sprintf("\n### %s\n", name))
		require.NotEmpty(t, p.title)
	}
	require.Equal(t, len(titles), strings.Count(string(guide), "\n### "))
}
