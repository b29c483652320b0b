package store_test

import (
	"testing"

	"bangfu/models/store/storetest"
)

func TestMain(m *testing.M) { storetest.Main(m) }
