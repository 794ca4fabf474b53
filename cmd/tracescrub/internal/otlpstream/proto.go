package otlpstream

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"

	"google.golang.org/protobuf/encoding/protowire"
)

// Proto masks OTLP protobuf: one export request of any size, or the frames
// that the Collector's file exporter writes (four bytes of length, big endian,
// before each request). A request is told by its first byte, the tag of field 1.
//
// Output ends with a whole resource element whatever happens, and an element
// or frame is written only after all of it was read and masked.
func Proto(r io.Reader, w io.Writer, o Options) error {
	s := &protoStream{r: bufio.NewReaderSize(r, 256<<10), w: w, o: o.withDefaults()}
	first, err := s.r.Peek(1)
	if errors.Is(err, io.EOF) {
		return nil
	}
	if err != nil {
		return s.fail(err)
	}
	if first[0] == fieldOne {
		return s.request()
	}
	return s.frames()
}

// fieldOne is the tag of field 1, length delimited.
const fieldOne = 1<<3 | byte(protowire.BytesType)

// protoStream is owned by the goroutine of Proto.
type protoStream struct {
	r       *bufio.Reader
	w       io.Writer
	o       Options
	pos     int64 // of the next byte
	records int64

	signal  Signal
	batch   []byte
	batchAt int64 // where the batch begins
}

func (s *protoStream) fail(err error) error { return s.failAt(s.pos, err) }

func (s *protoStream) failAt(pos int64, err error) error {
	if errors.Is(err, io.EOF) {
		err = io.ErrUnexpectedEOF
	}
	return &InputError{Byte: pos, Record: s.records, Err: err}
}

// request reads the fields of one request to the end of the stream.
func (s *protoStream) request() error {
	for {
		at := s.pos
		tag, err := binary.ReadUvarint(s)
		if errors.Is(err, io.EOF) {
			return s.flush()
		}
		if err != nil {
			return s.failAt(at, err)
		}
		num, typ := protowire.DecodeTag(tag)
		if num < 1 {
			return s.failAt(at, errors.New("not a protobuf field"))
		}
		if num != 1 || typ != protowire.BytesType {
			if err := s.skip(at, typ); err != nil {
				return err
			}
			continue
		}
		if err := s.element(at); err != nil {
			return err
		}
	}
}

// ReadByte lets binary.ReadUvarint read from the stream.
func (s *protoStream) ReadByte() (byte, error) {
	c, err := s.r.ReadByte()
	if err == nil {
		s.pos++
	}
	return c, err
}

// skip leaves out a field that OTLP does not know: what is not scanned is not passed.
func (s *protoStream) skip(at int64, typ protowire.Type) error {
	n := uint64(0)
	var err error
	switch typ {
	case protowire.VarintType:
		_, err = binary.ReadUvarint(s)
	case protowire.Fixed32Type:
		n = 4
	case protowire.Fixed64Type:
		n = 8
	case protowire.BytesType:
		if n, err = binary.ReadUvarint(s); err == nil && n > uint64(s.o.ElementBytes) {
			err = errTooLarge
		}
	default:
		err = errors.New("not a protobuf field")
	}
	if err == nil && n > 0 {
		err = s.take(io.Discard, int64(n))
	}
	if err != nil {
		return s.failAt(at, err)
	}
	return nil
}

// take moves n bytes of the stream to w.
func (s *protoStream) take(w io.Writer, n int64) error {
	got, err := io.CopyN(w, s.r, n)
	s.pos += got
	return err
}

// element reads one resource element into the batch and masks it when it is full.
func (s *protoStream) element(at int64) error {
	size, err := binary.ReadUvarint(s)
	if err == nil && size > uint64(s.o.ElementBytes) {
		err = errTooLarge
	}
	if err != nil {
		return s.failAt(at, err)
	}
	if len(s.batch) > 0 && len(s.batch)+int(size) > s.o.BatchBytes {
		if err := s.flush(); err != nil {
			return err
		}
	}
	if len(s.batch) == 0 {
		s.batchAt = at
	}
	s.batch = append(s.batch, fieldOne)
	s.batch = binary.AppendUvarint(s.batch, size)
	from := len(s.batch)
	if err := s.take((*appender)(&s.batch), int64(size)); err != nil {
		return s.failAt(s.pos, fmt.Errorf("resource element of %d bytes that begins at byte %d: %w", size, at, noEOF(err)))
	}
	if s.signal == Unknown {
		if s.signal, err = s.detect(s.batch[from:]); err != nil {
			return s.failAt(at, err)
		}
	}
	s.records++
	return nil
}

func noEOF(err error) error {
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}

// appender is a writer that appends, so that a length that the input only
// claims allocates nothing.
type appender []byte

func (a *appender) Write(p []byte) (int, error) {
	*a = append(*a, p...)
	return len(p), nil
}

// flush masks the batch and writes it.
func (s *protoStream) flush() error {
	if len(s.batch) == 0 {
		return nil
	}
	out, err := s.o.Mask(s.signal, s.batch)
	if err != nil {
		return s.failAt(s.batchAt, err)
	}
	s.batch = s.batch[:0]
	_, err = s.w.Write(out)
	return err
}

// frames reads length-prefixed requests.
func (s *protoStream) frames() error {
	for {
		at := s.pos
		var head [4]byte
		n, err := io.ReadFull(s.r, head[:])
		if n == 0 && errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return s.failAt(at, err)
		}
		s.pos += 4
		size := binary.BigEndian.Uint32(head[:])
		if uint64(size) > uint64(s.o.ElementBytes) {
			return s.failAt(at, errors.New("neither an OTLP request nor the frames of the file exporter"))
		}
		s.batch = s.batch[:0]
		if err := s.take((*appender)(&s.batch), int64(size)); err != nil {
			return s.failAt(s.pos, fmt.Errorf("frame of %d bytes that begins at byte %d: %w", size, at, noEOF(err)))
		}
		if err := s.frame(at); err != nil {
			return err
		}
		s.records++
	}
}

// frame masks the request in the batch and writes it with its length.
func (s *protoStream) frame(at int64) error {
	var out []byte
	if len(s.batch) > 0 {
		num, typ, n := protowire.ConsumeField(s.batch)
		if n < 0 || num != 1 || typ != protowire.BytesType {
			return s.failAt(at+4, errors.New("this frame holds no OTLP request"))
		}
		elem, _ := protowire.ConsumeBytes(s.batch[1:])
		sig, err := s.detect(elem)
		if err != nil {
			return s.failAt(at+4, err)
		}
		if out, err = s.o.Mask(sig, s.batch); err != nil {
			return s.failAt(at+4, err)
		}
	}
	if _, err := s.w.Write(binary.BigEndian.AppendUint32(nil, uint32(len(out)))); err != nil {
		return err
	}
	_, err := s.w.Write(out)
	return err
}

// detect returns the wanted signal, else the one that an element's records show.
func (s *protoStream) detect(elem []byte) (Signal, error) {
	if s.o.Signal != Unknown {
		return s.o.Signal, nil
	}
	if sig := detectElement(elem); sig != Unknown {
		return sig, nil
	}
	return Unknown, errors.New("cannot tell traces, logs and metrics apart here: say --signal")
}
