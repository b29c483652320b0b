package calendar

import (
	"fmt"
	"time"
)

// Clock is the time that a cycle lives in: the real one (zero value), or a rehearsal's simulated one that
// begins on Start when the real time is Origin and runs DaysPerSecond.
type Clock struct {
	Start         Date      `json:"start,omitempty"`
	DaysPerSecond float64   `json:"days_per_second,omitempty"`
	Origin        time.Time `json:"origin,omitzero"` // real moment at which the simulated Start began; set once, when the cycle starts
}

// Rehearsal says whether the clock is simulated.
func (c Clock) Rehearsal() bool { return c.DaysPerSecond > 0 }

// Validate refuses a simulated clock that cannot run.
func (c Clock) Validate() error {
	switch {
	case c.Start == 0 && c.DaysPerSecond == 0:
		return nil
	case c.Start == 0:
		return fmt.Errorf("演练时钟缺少 start")
	case c.DaysPerSecond <= 0 || c.DaysPerSecond > 100:
		return fmt.Errorf("演练时钟的 days_per_second 应大于 0、不超过 100")
	}
	return nil
}

// Now is the clock's moment when the real time is real.
func (c Clock) Now(real time.Time) time.Time {
	if !c.Rehearsal() {
		return real.In(Shanghai)
	}
	return c.Start.At(0, 0).Add(time.Duration(float64(real.Sub(c.Origin)) * c.rate()))
}

// Today is the clock's civil date.
func (c Clock) Today(real time.Time) Date { return DateOf(c.Now(real)) }

// Wait is how much real time passes until the clock shows t; never negative.
func (c Clock) Wait(real, t time.Time) time.Duration {
	d := t.Sub(c.Now(real))
	if c.Rehearsal() {
		d = time.Duration(float64(d) / c.rate())
	}
	return max(d, 0)
}

// rate is simulated time per real time.
func (c Clock) rate() float64 { return c.DaysPerSecond * 86400 }
