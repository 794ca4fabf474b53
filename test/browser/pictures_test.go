//go:build e2e

package browser

import (
	"bytes"
	"cmp"
	"image"
	"image/color"
	"image/png"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"testing"
)

// images is where the pictures of the documents are.
const images = "../../docs/images"

// maxPicture keeps the repository small.
const maxPicture = 160 << 10

// TestPictures takes the pictures of docs/review.md. With -update they are
// written; without it they must be there and of the same size, but their
// pixels may be those of another machine's fonts.
func TestPictures(t *testing.T) {
	s := served(t, noon)
	it, decided := s.named(t, "checkout-agent"), s.named(t, "ledger-agent")
	day, night := look{width: 1280, height: 820, clock: true}, look{width: 1280, height: 820, dark: true, clock: true}
	for _, tt := range []struct {
		file string
		look look
		open func(w *window)
	}{
		{"review-item.png", day, func(w *window) { w.visit(place(it)); w.head(it) }},
		{"review-conversation.png", day, func(w *window) { w.content(it); w.top(".preview") }},
		{"review-timeline.png", night, func(w *window) {
			w.content(it)
			w.tab("Timeline")
			w.ask(`document.querySelectorAll(".span-row")[2].querySelector("summary").click()`)
			w.until("the span is open", `document.querySelector(".span-row[open] .attributes") !== null`)
			w.top(".preview")
		}},
		{"review-approve.png", day, func(w *window) { w.visit(place(it)); w.head(it); w.click("#approve"); w.see("dialog", "Reason") }},
		{"review-receipt.png", day, func(w *window) {
			w.visit(place(decided))
			w.click("#check-receipt")
			w.see("#check-result", "holds")
			w.top(".receipt")
		}},
		{"review-bulk.png", day, func(w *window) {
			w.visit("#/?rule=github-token")
			w.click(".row:nth-child(1) input")
			w.click(".row:nth-child(3) input")
			w.see("#bulk", "2 selected")
		}},
		{"review-phone.png", look{width: 360, height: 740, clock: true}, func(w *window) { w.visit(place(it)); w.head(it) }},
	} {
		t.Run(tt.file, func(t *testing.T) {
			w := s.open(t, "alice", tt.look)
			tt.open(w)
			w.until("the head is complete", `document.querySelector("#stats").innerText.includes("pending")`)
			w.ask(`document.activeElement.blur()`)
			w.ask(`document.fonts.ready.then(() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done))))`)
			got := paletted(t, w.picture())
			w.quiet()
			if len(got) > maxPicture {
				t.Errorf("%d bytes, at most %d", len(got), maxPicture)
			}
			file := filepath.Join(images, tt.file)
			if *update {
				if err := os.WriteFile(file, got, 0o600); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(file)
			if err != nil {
				t.Fatalf("%v (go test -tags e2e -run TestPictures -update)", err)
			}
			a, errGot := png.DecodeConfig(bytes.NewReader(got))
			b, errWant := png.DecodeConfig(bytes.NewReader(want))
			if errGot != nil || errWant != nil || a.Width != b.Width || a.Height != b.Height {
				t.Errorf("the picture is %dx%d, in the documents it is %dx%d", a.Width, a.Height, b.Width, b.Height)
			}
		})
	}
}

// paletted writes a picture with its 256 most frequent colours: what is drawn
// has few, and their blends at the edges of letters are hardly missed.
func paletted(t *testing.T, b []byte) []byte {
	t.Helper()
	in, err := png.Decode(bytes.NewReader(b))
	if err != nil {
		t.Fatal(err)
	}
	size := in.Bounds()
	count := map[color.RGBA]int{}
	at := func(x, y int) color.RGBA { return color.RGBAModel.Convert(in.At(x, y)).(color.RGBA) }
	for y := size.Min.Y; y < size.Max.Y; y++ {
		for x := size.Min.X; x < size.Max.X; x++ {
			count[at(x, y)]++
		}
	}
	all := slices.SortedFunc(maps.Keys(count), func(a, b color.RGBA) int {
		return cmp.Or(count[b]-count[a], cmp.Compare(a.R, b.R), cmp.Compare(a.G, b.G), cmp.Compare(a.B, b.B))
	})
	palette := color.Palette{}
	for _, c := range all[:min(len(all), 256)] {
		palette = append(palette, c)
	}
	index := map[color.RGBA]uint8{}
	for c := range count {
		index[c] = uint8(palette.Index(c)) //nolint:gosec // at most 256
	}
	out := image.NewPaletted(size, palette)
	for y := size.Min.Y; y < size.Max.Y; y++ {
		for x := size.Min.X; x < size.Max.X; x++ {
			out.SetColorIndex(x, y, index[at(x, y)])
		}
	}
	var small bytes.Buffer
	if err := (&png.Encoder{CompressionLevel: png.BestCompression}).Encode(&small, out); err != nil {
		t.Fatal(err)
	}
	return small.Bytes()
}

// top scrolls something to the top of the window.
func (w *window) top(selector string) {
	w.t.Helper()
	w.ask(`document.querySelector("` + selector + `").scrollIntoView({ block: "start" })`)
}
