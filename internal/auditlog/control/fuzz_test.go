package control

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// FuzzQuestion: a question that is not in its form has no effect, and is not
// quoted in the answer.
func FuzzQuestion(f *testing.F) {
	for _, s := range []string{"", "{}", `{"subject":"a"}`, `{"before":"2026-01-01T00:00:00Z"}`, `{"before":1}`, `{"subject":"a"}{}`, `{"x":"marked"}`, `[`, `{"subject":"\ud800"}`} {
		for n := range uint8(5) {
			f.Add(s, n)
		}
	}
	paths := []string{pathErase, pathPrune, pathRotate, pathCheckpoint, "/elsewhere"}
	f.Fuzz(func(t *testing.T, body string, which uint8) {
		log := &fake{}
		path := paths[int(which)%len(paths)]
		w := httptest.NewRecorder()
		handler(log).ServeHTTP(w, httptest.NewRequest(http.MethodPost, path, strings.NewReader(body)))
		switch ok := w.Code == http.StatusOK; {
		case ok != (len(log.asked) == 1) || len(log.asked) > 1:
			t.Errorf("status %d, and the log was asked %d times", w.Code, len(log.asked))
		case !ok && w.Code != http.StatusBadRequest && w.Code != http.StatusNotFound:
			t.Errorf("status %d", w.Code)
		case !ok && strings.Contains(body, "marked") && strings.Contains(w.Body.String(), "marked"):
			t.Error("the answer quotes the question")
		}
	})
}
