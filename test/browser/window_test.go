//go:build e2e

package browser

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/fetch"
	"github.com/chromedp/cdproto/input"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

// browser is the Chromium, or a relative of it, that is used.
var browser = findBrowser()

func findBrowser() string {
	for _, name := range []string{os.Getenv("TRACESCRUB_BROWSER"), "chromium", "chromium-browser", "google-chrome"} {
		if path, err := exec.LookPath(name); err == nil {
			return path
		}
	}
	return ""
}

// TestMain leaves everything out where there is no browser, and says so. With
// E2E=all that is a failure.
func TestMain(m *testing.M) {
	flag.Parse()
	if browser == "" {
		fmt.Fprintln(os.Stderr, "no Chromium is installed: nothing was tested")
		if os.Getenv("E2E") == "all" {
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// patience is how long a test waits for something that should happen at once.
const patience = 30 * time.Second

// window is a browser's window of one person.
type window struct {
	t    *testing.T
	ctx  context.Context
	site *site
	name string

	mu sync.Mutex
	// faults are what the browser complained about; asked is how often it
	// asked for a password. Both are guarded by mu.
	faults []string
	asked  int
}

// look is how a window is to be.
type look struct {
	width, height int64
	dark          bool
	clock         bool // the page's clock stands at noon
}

var desk = look{width: 1280, height: 900}

// open starts a browser for one person; name "": for somebody without a password.
func (s *site) open(t *testing.T, name string, l look) *window {
	t.Helper()
	opts := append(chromedp.DefaultExecAllocatorOptions[:],
		chromedp.ExecPath(browser), chromedp.NoSandbox, chromedp.DisableGPU,
		chromedp.UserDataDir(t.TempDir()), chromedp.Env("TZ=UTC", "LANG=C.UTF-8"),
		chromedp.Flag("disable-quic", true), chromedp.Flag("disable-component-update", true),
		chromedp.Flag("font-render-hinting", "none"), chromedp.Flag("lang", "en-GB"))
	alloc, stopAlloc := chromedp.NewExecAllocator(context.Background(), opts...)
	ctx, stop := chromedp.NewContext(alloc)
	t.Cleanup(func() {
		chromedp.Cancel(ctx) //nolint:errcheck // ends the browser; whether it said goodbye is its affair
		stop()
		stopAlloc()
	})
	w := &window{t: t, ctx: ctx, site: s, name: name}
	if err := chromedp.Do(ctx); err != nil {
		t.Fatalf("starting the browser: %v", err)
	}
	if err := chromedp.Listen(ctx, w.listen); err != nil {
		t.Fatalf("listening to the browser: %v", err)
	}
	scheme := "light"
	if l.dark {
		scheme = "dark"
	}
	yes := true
	order(w, network.Enable, network.EnableParams{})
	order(w, runtime.Enable, struct{}{})
	order(w, fetch.Enable, fetch.EnableParams{HandleAuthRequests: &yes})
	order(w, emulation.SetDeviceMetricsOverride, emulation.SetDeviceMetricsOverrideParams{Width: l.width, Height: l.height, DeviceScaleFactor: 1, Mobile: l.width < 600})
	order(w, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{Features: []*emulation.MediaFeature{
		{Name: "prefers-color-scheme", Value: scheme}, {Name: "prefers-reduced-motion", Value: "reduce"},
	}})
	if l.clock {
		order(w, page.AddScriptToEvaluateOnNewDocument, page.AddScriptToEvaluateOnNewDocumentParams{Source: "Date.now = () => " + clock()})
	}
	return w
}

func clock() string {
	at, err := time.Parse(time.RFC3339, noon)
	if err != nil {
		panic(err)
	}
	return fmt.Sprint(at.UnixMilli())
}

// listen hears what the browser says. It must not wait: answers go out beside it.
func (w *window) listen(ev any) {
	fault := func(format string, args ...any) {
		w.mu.Lock()
		defer w.mu.Unlock()
		w.faults = append(w.faults, fmt.Sprintf(format, args...))
	}
	switch e := ev.(type) {
	case *runtime.EventExceptionThrown:
		fault("exception: %v %v", e.ExceptionDetails.Text, e.ExceptionDetails.Exception.Description)
	case *runtime.EventConsoleAPICalled:
		fault("a script wrote to the console, %v", e.Type)
	case *network.EventLoadingFailed:
		if e.BlockedReason != "" {
			fault("blocked: %v", e.BlockedReason)
		}
	case *network.EventRequestWillBeSent:
		if u := e.Request.URL; !strings.HasPrefix(u, w.site.url) && (w.site.also == "" || !strings.HasPrefix(u, w.site.also)) && !strings.HasPrefix(u, "about:") && !strings.HasPrefix(u, "data:") {
			fault("request to another address")
		}
	case *fetch.EventRequestPaused:
		go chromedp.Call(w.ctx, fetch.ContinueRequest, fetch.ContinueRequestParams{RequestID: e.RequestID}) //nolint:errcheck // the page may be gone
	case *fetch.EventAuthRequired:
		w.mu.Lock()
		w.asked++
		again := w.asked > 1 // what was typed is wrong: give up
		w.mu.Unlock()
		answer := fetch.AuthChallengeResponse{Response: fetch.AuthChallengeResponseResponseCancelAuth}
		if w.name != "" && !again {
			answer = fetch.AuthChallengeResponse{Response: fetch.AuthChallengeResponseResponseProvideCredentials, Username: w.name, Password: w.site.users[w.name]}
		}
		go chromedp.Call(w.ctx, fetch.ContinueWithAuth, fetch.ContinueWithAuthParams{RequestID: e.RequestID, AuthChallengeResponse: &answer}) //nolint:errcheck // see above
	}
}

// order sends the browser a command of its protocol.
func order[P, R any](w *window, command cdp.Command[P, R], params P) R {
	w.t.Helper()
	ctx, cancel := context.WithTimeout(w.ctx, patience)
	defer cancel()
	r, err := chromedp.Call(ctx, command, params)
	if err != nil {
		w.t.Fatalf("%s: %v", command.Method, err)
	}
	return r
}

// do acts, or fails the test saying what. It begins again if the page was drawn
// anew while an element was looked for: nothing had been done to it.
func (w *window) do(what string, actions ...chromedp.Action[chromedp.Void]) {
	w.t.Helper()
	ctx, cancel := context.WithTimeout(w.ctx, patience)
	defer cancel()
	err := chromedp.Do(ctx, actions...)
	for err != nil && ctx.Err() == nil && strings.Contains(err.Error(), "Could not find node") {
		err = chromedp.Do(ctx, actions...)
	}
	if err != nil {
		w.fail("%s: %v", what, err)
	}
}

// fail ends the test and says what is on the page.
func (w *window) fail(format string, args ...any) {
	w.t.Helper()
	ctx, cancel := context.WithTimeout(w.ctx, 5*time.Second)
	defer cancel()
	text, err := chromedp.Run(ctx, chromedp.Evaluate[string](`document.body.innerText.slice(0, 2500)`))
	if err != nil {
		text = err.Error()
	}
	w.quiet()
	w.t.Fatalf("%s; the page says:\n%s", fmt.Sprintf(format, args...), text)
}

func navigate(url string) chromedp.Action[chromedp.Void] { return chromedp.Navigate(url) }

// visit opens the page at a place.
func (w *window) visit(hash string) {
	w.t.Helper()
	w.do("opening the page", chromedp.Navigate("about:blank"), chromedp.Navigate(w.site.url+hash))
	w.until("the list is there", `!!document.querySelector("#rows") && !document.querySelector("#rows[aria-busy]") && document.querySelector("#list-end").textContent !== "" && document.querySelector("#feed").dataset.state === "live"`)
}

// ask evaluates an expression in the page.
func ask[T any](w *window, expression string) T {
	w.t.Helper()
	ctx, cancel := context.WithTimeout(w.ctx, patience)
	defer cancel()
	v, err := chromedp.Run(ctx, chromedp.Evaluate[T](expression, chromedp.EvalAwaitPromise))
	if err != nil {
		w.fail("evaluating %s: %v", expression, err)
	}
	return v
}

// ask evaluates an expression for its effect.
func (w *window) ask(expression string) {
	w.t.Helper()
	ask[chromedp.Void](w, expression)
}

// until waits for a condition in the page.
func (w *window) until(what, condition string) {
	w.t.Helper()
	for end := time.Now().Add(patience); ; time.Sleep(40 * time.Millisecond) {
		ctx, cancel := context.WithTimeout(w.ctx, 5*time.Second)
		ok, err := chromedp.Run(ctx, chromedp.Evaluate[bool](condition))
		cancel()
		if err == nil && ok {
			return
		}
		if time.Now().After(end) {
			w.fail("waited until %s (%v)", what, err)
		}
	}
}

// see waits until a visible element has a text.
func (w *window) see(selector, text string) {
	w.t.Helper()
	w.until(selector+" says "+text, fmt.Sprintf(`[...document.querySelectorAll(%q)].some((e) => e.checkVisibility() && e.innerText.includes(%q))`, selector, text))
}

// count counts elements.
func (w *window) count(selector string) int {
	w.t.Helper()
	return ask[int](w, fmt.Sprintf(`document.querySelectorAll(%q).length`, selector))
}

// click clicks the first visible element that matches, where it is.
func (w *window) click(selector string) {
	w.t.Helper()
	w.until(selector+" can be clicked", fmt.Sprintf(`[...document.querySelectorAll(%q)].some((e) => e.checkVisibility() && !e.disabled)`, selector))
	// The page may be drawn anew, or move, between the look and the mouse: then the click hits something else.
	watch := fmt.Sprintf(`globalThis.hit = false, document.addEventListener("click", globalThis.watch = (e) => { globalThis.hit ||= !!e.target.closest(%q); }, true)`, selector)
	const missed = `document.removeEventListener("click", globalThis.watch, true), globalThis.hit === false` // undefined: it led to another page
	for end := time.Now().Add(patience); ; {
		w.ask(watch)
		w.do("clicking "+selector, chromedp.Click(chromedp.CSS(selector), chromedp.NodeVisible))
		ctx, cancel := context.WithTimeout(w.ctx, patience)
		again, err := chromedp.Run(ctx, chromedp.Evaluate[bool](missed))
		cancel()
		if err != nil || !again { // an error: the page is being left
			return
		}
		if time.Now().After(end) {
			w.fail("no click has reached %s", selector)
		}
	}
}

// write types into a field.
func (w *window) write(selector, text string) {
	w.t.Helper()
	w.do("typing into "+selector, chromedp.SendKeys(chromedp.CSS(selector), text, chromedp.NodeVisible))
}

// press presses keys, one after the other. A character is typed by the same
// event that presses its key, as on a keyboard: a page that takes the key
// takes the character as well.
func (w *window) press(keys ...string) {
	w.t.Helper()
	for _, k := range keys {
		if len(k) != 1 || k < " " || k > "~" {
			w.do("pressing a key", chromedp.KeyEvent(k))
			continue
		}
		order(w, input.DispatchKeyEvent, input.DispatchKeyEventParams{Type: input.DispatchKeyEventTypeKeyDown, Key: k, Text: k, UnmodifiedText: k})
		order(w, input.DispatchKeyEvent, input.DispatchKeyEventParams{Type: input.DispatchKeyEventTypeKeyUp, Key: k})
	}
}

// dismiss leaves a dialog and waits until it is gone and the focus is back:
// that may scroll the page away under a click.
func (w *window) dismiss() {
	w.t.Helper()
	w.press(escape)
	w.until("the dialog is gone", `!document.querySelector("dialog")`)
}

const (
	enter, escape, tab = kb.Enter, kb.Escape, kb.Tab
)

// picture takes what the window shows.
func (w *window) picture() []byte {
	w.t.Helper()
	ctx, cancel := context.WithTimeout(w.ctx, patience)
	defer cancel()
	b, err := chromedp.Run(ctx, chromedp.CaptureScreenshot())
	if err != nil {
		w.fail("taking a picture: %v", err)
	}
	return b
}

// quiet fails the test if the browser complained.
func (w *window) quiet() {
	w.t.Helper()
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, f := range w.faults {
		w.t.Errorf("the browser complains: %s", f)
	}
	w.faults = nil
}
