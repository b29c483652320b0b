package files

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
)

const (
	stringBlock   = 8 << 10  // bytes of a block of shared strings
	stringMemory  = 48 << 20 // bytes of blocks kept in memory; the rest goes to a temporary file
	stringCache   = 1024     // blocks of the file kept at hand
	stringStep    = 16       // every so many strings the place of one is noted
	maxStrings    = 50_000_000
	maxStringSize = MaxLine
)

// errTemporary is a failure of this machine, not of the workbook.
var errTemporary = errors.New("temporary file for shared strings")

// sharedStrings keeps a workbook's shared strings. A table of a million rows may have ten million of them, so they are held
// in blocks, the first in memory and the rest in a temporary file.
type sharedStrings struct {
	count  int
	places []place // of every stringStep-th string
	blocks [][]byte
	memory int
	last   []byte // the block being filled, blocks' successor
	file   *os.File
	spans  []int64 // where each block in the file ends
	cached [stringCache][]byte
	holds  [stringCache]int // 1 + which block of the file cached holds
}

// place is where a string begins.
type place struct{ block, offset uint32 }

// add appends the next string.
func (s *sharedStrings) add(text []byte) error {
	if len(text) > maxStringSize {
		return errXMLSize
	}
	if s.count >= maxStrings {
		return errBomb
	}
	if len(s.last) >= stringBlock {
		if err := s.seal(); err != nil {
			return err
		}
	}
	if s.count%stringStep == 0 {
		s.places = append(s.places, place{uint32(len(s.blocks) + len(s.spans)), uint32(len(s.last))})
	}
	s.count++
	s.last = append(binary.AppendUvarint(s.last, uint64(len(text))), text...)
	return nil
}

// seal puts the last block away.
func (s *sharedStrings) seal() error {
	if s.memory+len(s.last) <= stringMemory {
		s.blocks = append(s.blocks, append([]byte(nil), s.last...))
		s.memory += len(s.last)
		s.last = s.last[:0]
		return nil
	}
	if s.file == nil {
		f, err := os.CreateTemp("", "bangfu-strings-")
		if err != nil {
			return fmt.Errorf("%w: make it: %w", errTemporary, err)
		}
		// Without a name it cannot outlive a killed process; where that cannot be, close removes it.
		_ = os.Remove(f.Name())
		s.file = f
		s.memory = stringMemory // from now on everything goes to the file
	}
	var begin int64
	if n := len(s.spans); n > 0 {
		begin = s.spans[n-1]
	}
	if _, err := s.file.Write(s.last); err != nil {
		return fmt.Errorf("%w: write: %w", errTemporary, err)
	}
	s.spans = append(s.spans, begin+int64(len(s.last)))
	s.last = s.last[:0]
	s.memory = stringMemory
	return nil
}

// appendTo appends string i to dst; an index that is not there is errXML.
func (s *sharedStrings) appendTo(dst []byte, i int) ([]byte, error) {
	if i < 0 || i >= s.count {
		return dst, errXML
	}
	p := s.places[i/stringStep]
	block, err := s.block(int(p.block))
	if err != nil {
		return dst, err
	}
	b, at := block[p.offset:], int(p.block)
	for skip := i % stringStep; ; skip-- {
		if len(b) == 0 { // the strings go on in the next block
			at++
			if b, err = s.block(at); err != nil {
				return dst, err
			}
		}
		n, size := binary.Uvarint(b)
		if skip == 0 {
			return append(dst, b[size:size+int(n)]...), nil
		}
		b = b[size+int(n):]
	}
}

// block gives a block from memory, the cache or the file.
func (s *sharedStrings) block(i int) ([]byte, error) {
	if i < len(s.blocks) {
		return s.blocks[i], nil
	}
	if i -= len(s.blocks); i >= len(s.spans) {
		return s.last, nil
	}
	slot := i % stringCache
	if s.holds[slot] == i+1 {
		return s.cached[slot], nil
	}
	var begin int64
	if i > 0 {
		begin = s.spans[i-1]
	}
	size := int(s.spans[i] - begin)
	if cap(s.cached[slot]) < size {
		s.cached[slot] = make([]byte, size)
	}
	s.cached[slot], s.holds[slot] = s.cached[slot][:size], 0
	if _, err := s.file.ReadAt(s.cached[slot], begin); err != nil && err != io.EOF {
		return nil, fmt.Errorf("%w: read: %w", errTemporary, err)
	}
	s.holds[slot] = i + 1
	return s.cached[slot], nil
}

func (s *sharedStrings) close() error {
	if s.file == nil {
		return nil
	}
	name := s.file.Name()
	err := s.file.Close()
	_ = os.Remove(name) // gone already on most systems
	s.file = nil
	return err
}
