package policy

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestTheEmbeddedPolicyLoads(t *testing.T) {
	p, err := Load(Default("110107", 2026))
	require.NoError(t, err)
	require.Len(t, p.Tiering.Conditions, 17)
}
