package activities

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"time"
	"unicode/utf8"

	"bangfu/activities/files"
	"bangfu/models"
)

// Where files go once they have been read, inside the watched folder.
const (
	folderDone    = "done"
	folderRefused = "refused"
)

// lookIntoFolder takes in the oldest complete file of a watched folder.
func (a *Connections) lookIntoFolder(ctx context.Context, c models.Connection, meta models.Delivery, taken *atomic.Int64) (finding, error) {
	root, err := a.openFolder(c)
	if err != nil {
		return finding{}, err
	}
	defer func() { _ = root.Close() }()
	waiting, err := delivered(root)
	if err != nil || len(waiting) == 0 {
		return finding{}, err
	}
	settle := a.Settle
	if settle == 0 {
		settle = 5 * time.Second
	}
	select {
	case <-time.After(settle):
	case <-ctx.Done():
		return finding{}, ctx.Err()
	}
	for _, was := range waiting {
		now, err := root.Lstat(was.Name())
		if err != nil || !same(was, now) {
			continue // still being written, or taken away: at the next look
		}
		file, err := root.Open(was.Name())
		if err != nil {
			return finding{}, &failure{reason: "共享目录中的文件读不了，请检查权限"}
		}
		meta.FileName = was.Name()
		d, err := a.Store.ReceiveDelivery(ctx, meta, &still{file: file, was: was, taken: taken}, a.MaxFile)
		_ = file.Close()
		switch {
		case models.CodeOf(err) == models.CodeTooLarge:
			if err := a.refuseHuge(root, meta, was.Name()); err != nil {
				return finding{}, err
			}
			continue
		case errors.Is(err, errChanged):
			continue
		case err != nil:
			return finding{}, err
		}
		return finding{delivery: d}, nil
	}
	return finding{}, nil
}

// openFolder opens the connection's directory and nothing outside it: links on the way must lead into an allowed
// directory, links inside are not followed out.
func (a *Connections) openFolder(c models.Connection) (*os.Root, error) {
	real, err := filepath.EvalSymlinks(c.Address)
	if err != nil {
		return nil, &failure{reason: "共享目录不存在或读不了"}
	}
	allowed := make([]string, 0, len(a.Folders))
	for _, f := range a.Folders {
		if f, err := filepath.EvalSymlinks(f); err == nil {
			allowed = append(allowed, f)
		}
	}
	if err := models.InFolders(real, allowed); err != nil {
		return nil, err
	}
	root, err := os.OpenRoot(real)
	if err != nil {
		return nil, &failure{reason: "共享目录不存在或读不了"}
	}
	return root, nil
}

// delivered lists the files that wait, oldest first. What copying programs and office programs leave lying about
// is none of them.
func delivered(root *os.Root) ([]fs.FileInfo, error) {
	entries, err := fs.ReadDir(root.FS(), ".")
	if err != nil {
		return nil, &failure{reason: "共享目录不存在或读不了"}
	}
	var list []fs.FileInfo
	for _, e := range entries {
		if !e.Type().IsRegular() || passing(e.Name()) {
			continue
		}
		if info, err := e.Info(); err == nil {
			list = append(list, info)
		}
	}
	slices.SortFunc(list, func(x, y fs.FileInfo) int {
		return x.ModTime().Compare(y.ModTime()) // equal times keep the order of names
	})
	return list, nil
}

func passing(name string) bool {
	lower := strings.ToLower(name)
	for _, prefix := range []string{".", "~$", "~", "thumbs.db", "desktop.ini"} {
		if strings.HasPrefix(lower, prefix) {
			return true
		}
	}
	for _, suffix := range []string{".part", ".tmp", ".temp", ".crdownload", ".filepart", ".swp", ".lock"} {
		if strings.HasSuffix(lower, suffix) {
			return true
		}
	}
	return false
}

func same(a, b fs.FileInfo) bool {
	return b.Mode().IsRegular() && a.Size() == b.Size() && a.ModTime().Equal(b.ModTime()) && os.SameFile(a, b)
}

var errChanged = errors.New("the file changed while it was read")

// still reads a file and fails at its end if it is not as it was before: then it was still being written.
type still struct {
	file  *os.File
	was   fs.FileInfo
	taken *atomic.Int64
}

func (s *still) Read(b []byte) (int, error) {
	n, err := s.file.Read(b)
	s.taken.Add(int64(n))
	if err == io.EOF {
		if now, statErr := s.file.Stat(); statErr != nil || !same(s.was, now) {
			return n, errChanged
		}
	}
	return n, err
}

// putAway moves every waiting file with the delivery's content, with the receipt and the rejected rows beside it. It
// knows the file by its content, so that a worker killed on the way leaves nothing that the next does not finish.
func (a *Connections) putAway(ctx context.Context, c models.Connection, d models.Delivery) error {
	root, err := a.openFolder(c)
	if err != nil {
		return err
	}
	defer func() { _ = root.Close() }()
	waiting, err := delivered(root)
	if err != nil {
		return err
	}
	for _, f := range waiting {
		if f.Size() != d.Size {
			continue
		}
		sum, err := hashOf(root, f.Name())
		if err != nil {
			return &failure{reason: "共享目录中的文件读不了，请检查权限"}
		}
		if sum != d.SHA256 {
			continue
		}
		if err := a.putBeside(ctx, root, d, f.Name()); err != nil {
			return err
		}
	}
	return nil
}

func (a *Connections) putBeside(ctx context.Context, root *os.Root, d models.Delivery, name string) error {
	dir := folderDone
	if d.State == models.DeliveryRefused {
		dir = folderRefused
	}
	to := dir + "/" + d.ID + "_" + brief(name)
	if d.Rows.Rejected > 0 {
		if err := place(root, to+".拒绝行.csv", func(w io.Writer) error {
			table := files.NewCSVWriter(w)
			if err := WriteRejects(ctx, a.Store, d.ID, table); err != nil {
				return err
			}
			return table.Close()
		}); err != nil {
			return err
		}
	}
	d.FileName = name
	return move(root, name, to, d.Text())
}

// refuseHuge moves a file over the limit away; it never became a delivery.
func (a *Connections) refuseHuge(root *os.Root, d models.Delivery, name string) error {
	d.ID, d.State, d.FileName = "未编号", models.DeliveryRefused, name
	d.Reason = fmt.Sprintf("文件超过%d MB的上限，请拆分后分次交付", a.MaxFile>>20)
	return move(root, name, folderRefused+"/"+brief(name), d.Text())
}

// move places the receipt and then moves the file: a file that still waits has not been dealt with.
func move(root *os.Root, name, to, receipt string) error {
	if err := place(root, to+".回执.txt", func(w io.Writer) error {
		_, err := io.WriteString(w, "\uFEFF"+strings.ReplaceAll(receipt, "\n", "\r\n"))
		return err
	}); err != nil {
		return err
	}
	if err := root.Rename(name, to); err != nil {
		return &failure{reason: "共享目录中的文件移不走，请检查权限"}
	}
	return nil
}

// place writes a file whole, or not at all.
func place(root *os.Root, name string, write func(io.Writer) error) (err error) {
	if err := root.Mkdir(path.Dir(name), 0o750); err != nil && !errors.Is(err, fs.ErrExist) {
		return &failure{reason: "共享目录中建不了子目录，请检查权限"}
	}
	f, err := root.OpenFile(name+".part", os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o640)
	if err != nil {
		return &failure{reason: "共享目录中写不了回执，请检查权限"}
	}
	if err := write(f); err != nil {
		_ = f.Close()
		return err
	}
	if err := f.Close(); err != nil {
		return &failure{reason: "共享目录中写不了回执，请检查空间"}
	}
	if err := root.Rename(name+".part", name); err != nil {
		return &failure{reason: "共享目录中写不了回执，请检查权限"}
	}
	return nil
}

// brief is a name that leaves room for what is put around it: most systems allow 255 bytes.
func brief(name string) string {
	for len(name) > 150 {
		_, n := utf8.DecodeRuneInString(name)
		name = name[n:]
	}
	return name
}

func hashOf(root *os.Root, name string) (string, error) {
	f, err := root.Open(name)
	if err != nil {
		return "", err
	}
	defer func() { _ = f.Close() }()
	h := sha256.New()
	if _, err := io.Copy(h, f); err != nil {
		return "", err
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}
