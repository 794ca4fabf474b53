package otlpstream

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
)

// JSON masks a stream of OTLP/JSON documents, one after another with any
// white space between them, which is kept.
//
// Output ends with a whole document whatever happens: a document that is one
// batch is written only after all of it was read and masked; one that is
// larger is closed after the last batch that was masked. The error is an
// InputError where the input is to blame.
func JSON(r io.Reader, w io.Writer, o Options) error {
	s := &jsonStream{lx: newLexer(r), w: w, o: o.withDefaults()}
	for {
		space, err := s.lx.space(w)
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return s.lx.fail(err)
		}
		if s.documents > 0 && !space {
			// Without white space in between it is a typing error more often than a stream.
			return s.lx.failf("expected the end or white space after a document")
		}
		s.documents++
		if err := s.document(); err != nil {
			return err
		}
	}
}

// jsonStream is owned by the goroutine of JSON.
type jsonStream struct {
	lx        *lexer
	w         io.Writer
	o         Options
	documents int
	records   int64 // resource elements read whole

	// Of the current document:
	signal Signal
	opened bool   // the frame's head has been written
	some   bool   // the document has members
	batch  []byte // elements, separated by commas
	starts []start
}

// start is where an element of the batch begins.
type start struct {
	inBatch   int
	line, pos int64
}

func (s *jsonStream) document() error {
	s.signal, s.opened, s.some = Unknown, false, false
	s.batch, s.starts = s.batch[:0], s.starts[:0]
	began := s.lx.line
	err := s.object()
	if err == nil {
		err = s.finish()
	}
	if bad := (*InputError)(nil); errors.As(err, &bad) && errors.Is(err, io.ErrUnexpectedEOF) {
		bad.Err = fmt.Errorf("%w in the document that begins at line %d", io.ErrUnexpectedEOF, began)
	}
	if err != nil && s.opened {
		if _, werr := io.WriteString(s.w, "]}\n"); werr != nil {
			return errors.Join(err, werr)
		}
	}
	return err
}

// object reads the members of a document.
func (s *jsonStream) object() error {
	if err := s.lx.expect('{'); err != nil {
		return err
	}
	for first := true; ; first = false {
		more, err := s.lx.more(first, '}')
		if err != nil || !more {
			return err
		}
		s.some = true
		name, err := s.lx.name()
		if err != nil {
			return err
		}
		sig := ofMember(name)
		if sig == Unknown {
			// OTLP says to ignore what is unknown; what is not scanned is not passed.
			if _, err := s.lx.value(nil, s.o.ElementBytes); err != nil {
				return err
			}
			continue
		}
		if err := s.accept(sig); err != nil {
			return err
		}
		if err := s.elements(); err != nil {
			return err
		}
	}
}

// accept checks the signal of a member against the document's and the wanted one.
func (s *jsonStream) accept(sig Signal) error {
	if s.o.Signal != Unknown && sig != s.o.Signal {
		return s.lx.failf("this document holds %s, not %s", sig, s.o.Signal)
	}
	if s.signal != Unknown && s.signal != sig {
		return s.lx.fail(errMixed)
	}
	s.signal = sig
	return nil
}

// elements reads the array of resource elements.
func (s *jsonStream) elements() error {
	c, err := s.lx.peek()
	if err != nil {
		return s.lx.fail(err)
	}
	if c == 'n' {
		word, err := s.lx.value(nil, 8)
		if err == nil && string(word) != "null" {
			err = s.lx.failf("expected an array")
		}
		return err
	}
	if err := s.lx.expect('['); err != nil {
		return err
	}
	for first := true; ; first = false {
		more, err := s.lx.more(first, ']')
		if err != nil || !more {
			return err
		}
		if err := s.element(); err != nil {
			return err
		}
	}
}

// element reads one resource element and masks the batch when it is full.
func (s *jsonStream) element() error {
	if c, err := s.lx.peek(); err != nil {
		return s.lx.fail(err)
	} else if c != '{' {
		return s.lx.failf("expected a resource element")
	}
	if len(s.batch) > 0 {
		s.batch = append(s.batch, ',')
	}
	at := start{inBatch: len(s.batch), line: s.lx.line, pos: s.lx.pos}
	var err error
	if s.batch, err = s.lx.value(s.batch, s.o.ElementBytes); err != nil {
		return err
	}
	s.starts = append(s.starts, at)
	s.records++
	if len(s.batch) < s.o.BatchBytes {
		return nil
	}
	return s.flush()
}

// finish masks what is left of a document and closes it.
func (s *jsonStream) finish() error {
	switch {
	case s.opened:
		if err := s.flush(); err != nil {
			return err
		}
		_, err := io.WriteString(s.w, "]}")
		s.opened = false
		return err
	case s.signal == Unknown && s.some:
		return s.lx.failf("no member named resourceSpans, resourceLogs or resourceMetrics: this is not OTLP/JSON")
	case s.signal == Unknown:
		_, err := io.WriteString(s.w, "{}")
		return err
	}
	out, err := s.mask()
	if err != nil {
		return err
	}
	_, err = s.w.Write(out)
	return err
}

// flush masks the batch and writes its elements into the open document.
func (s *jsonStream) flush() error {
	if len(s.batch) == 0 {
		return nil
	}
	out, err := s.mask()
	if err != nil {
		return err
	}
	head := []byte(`{"` + members[s.signal] + `":[`)
	inner, ok := bytes.CutPrefix(out, head)
	if ok {
		inner, ok = bytes.CutSuffix(inner, []byte("]}"))
	}
	if !ok && string(out) != "{}" {
		return errors.New("masking: the encoder wrote an unexpected frame")
	}
	s.batch, s.starts = s.batch[:0], s.starts[:0]
	if !ok || len(inner) == 0 {
		return nil // policy dropped everything
	}
	if s.opened {
		head = []byte{','}
	}
	s.opened = true
	if _, err := s.w.Write(head); err != nil {
		return err
	}
	_, err = s.w.Write(inner)
	return err
}

// mask masks the batch as a request.
func (s *jsonStream) mask() ([]byte, error) {
	out, err := s.o.Mask(s.signal, s.frame(s.batch))
	if err == nil {
		return out, nil
	}
	// Find the element that is to blame: the parser's own words could quote it.
	for i, at := range s.starts {
		end := len(s.batch)
		if i+1 < len(s.starts) {
			end = s.starts[i+1].inBatch - 1
		}
		elem := s.batch[at.inBatch:end]
		if _, single := s.o.Mask(s.signal, s.frame(elem)); single != nil {
			return nil, s.blame(at, elem, single)
		}
	}
	return nil, err
}

func (s *jsonStream) frame(elements []byte) []byte {
	head := `{"` + members[s.signal] + `":[`
	out := make([]byte, 0, len(head)+len(elements)+2)
	return append(append(append(out, head...), elements...), "]}"...)
}

// blame names the byte where an element stops being JSON, or its first byte
// where it is JSON but no OTLP.
func (s *jsonStream) blame(at start, elem []byte, err error) error {
	var syntax *json.SyntaxError
	var raw json.RawMessage
	if errors.As(json.Unmarshal(elem, &raw), &syntax) {
		good := elem[:max(0, min(int(syntax.Offset)-1, len(elem)))]
		at.pos += int64(len(good))
		at.line += int64(bytes.Count(good, []byte{'\n'}))
		err = errors.New("not valid JSON")
	}
	return &InputError{Line: at.line, Byte: at.pos, Record: s.records, Err: err}
}
