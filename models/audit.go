package models

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"strconv"
	"strings"
	"time"
)

// AuditEntry is one line of the record of commands and decisions (三(二)): who did what to what, when, and the
// facts of it. Entries are only ever appended, and each is chained to the one before by its hash.
type AuditEntry struct {
	Seq      int64
	At       string // AuditTime of the moment, as it was hashed
	Actor    Actor
	Action   string // such as cycle.advance
	Object   string // such as cycle/110107-2026
	Detail   string // JSON
	PrevHash string
	Hash     string
}

// AuditGenesis is the hash before the first entry.
var AuditGenesis = strings.Repeat("0", 64)

// AuditTime writes a moment as the record keeps it: UTC, milliseconds.
func AuditTime(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05.000Z") }

// Digest is the hash that the entry must carry: SHA-256 over its fields, each with its length before it, so
// that no two different entries are written alike.
func (e AuditEntry) Digest() string {
	h := sha256.New()
	for _, field := range []string{e.PrevHash, strconv.FormatInt(e.Seq, 10), e.At, string(e.Actor), e.Action, e.Object, e.Detail} {
		var n [8]byte
		binary.BigEndian.PutUint64(n[:], uint64(len(field)))
		h.Write(n[:])
		h.Write([]byte(field))
	}
	return hex.EncodeToString(h.Sum(nil))
}

// Follows says, in Chinese, why the entry cannot be the next one after an entry with number seq and this hash;
// empty if it can.
func (e AuditEntry) Follows(seq int64, hash string) string {
	switch {
	case e.Seq != seq+1:
		return "编号不连续：第" + strconv.FormatInt(seq, 10) + "条之后缺少记录"
	case e.PrevHash != hash:
		return "与上一条记录的链接不符：上一条被替换或改动过"
	case e.Hash != e.Digest():
		return "内容与校验值不符：本条被改动过"
	}
	return ""
}

// AuditAnchor is an entry's number and hash as somebody noted it outside the database: with it, a record
// that was rewritten as a whole is found out too.
type AuditAnchor struct {
	Seq  int64
	Hash string
}

// AuditReport is what a verification of the record found. Head is worth noting down elsewhere, as an AuditAnchor.
type AuditReport struct {
	Entries int64  `json:"entries" doc:"已核对的记录条数"`
	Head    string `json:"head" doc:"最后一条记录的校验值，可另行留存备查"`
	Intact  bool   `json:"intact" doc:"记录完整、未被改动"`
	Broken  int64  `json:"broken,omitempty" doc:"第一条有问题的记录编号"`
	Reason  string `json:"reason,omitempty" doc:"问题说明"`
}
