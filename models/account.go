package models

// Account is what a department owed in a year and what became of it (年度履职情况, 二(三)7 督办和反馈).
type Account struct {
	CycleID    string
	Department string // code
	Name       string
	Total      AccountCount
	Kinds      []AccountKind // in the order of ObligationKinds; none that it never owed

	Reports    int64 // reports of duties
	Returned   int64 // of them sent back
	Households int64 // that reports which stand say were reached

	Orders          int64 // 督办
	OrdersOpen      int64 // not closed yet
	OrdersWithdrawn int64

	HelpRequested int64 // 帮扶: asked for and not answered yet
	HelpPromised  int64
	HelpDelivered int64
	HelpDeclined  int64
	HelpOverdue   int64 // of the requested and promised

	DifferencesSettled int64 // of the joint study
	DifferencesOpen    int64

	Recommended int64 // households that it recommended
	Certified   int64 // of them
}

// AccountKind counts what was owed of one kind.
type AccountKind struct {
	Kind ObligationKind
	AccountCount
}

// AccountCount counts what was owed. Owed = InTime + Late + Open + Waived + Closed; Overdue are of the open.
type AccountCount struct {
	Owed    int64
	InTime  int64 // done by its date
	Late    int64 // done after it
	Open    int64
	Overdue int64
	Waived  int64
	Closed  int64 // it ended with its case or its year
}

// Add adds another count.
func (c *AccountCount) Add(o AccountCount) {
	c.Owed += o.Owed
	c.InTime += o.InTime
	c.Late += o.Late
	c.Open += o.Open
	c.Overdue += o.Overdue
	c.Waived += o.Waived
	c.Closed += o.Closed
}

// Punctual is the share of what is done or overdue that was done by its date, in tenths of a percent; false where there is neither.
func (c AccountCount) Punctual() (permille int64, ok bool) {
	due := c.InTime + c.Late + c.Overdue
	if due == 0 {
		return 0, false
	}
	return c.InTime * 1000 / due, true
}

// Empty says whether there is nothing to account for.
func (a Account) Empty() bool {
	return a.Total.Owed == 0 && a.Reports == 0 && a.Orders == 0 && a.HelpRequested+a.HelpPromised+a.HelpDelivered+a.HelpDeclined == 0 &&
		a.DifferencesSettled+a.DifferencesOpen == 0 && a.Recommended == 0
}

// Sum adds another department's numbers; the kinds are not added.
func (a *Account) Sum(o Account) {
	a.Total.Add(o.Total)
	a.Reports += o.Reports
	a.Returned += o.Returned
	a.Households += o.Households
	a.Orders += o.Orders
	a.OrdersOpen += o.OrdersOpen
	a.OrdersWithdrawn += o.OrdersWithdrawn
	a.HelpRequested += o.HelpRequested
	a.HelpPromised += o.HelpPromised
	a.HelpDelivered += o.HelpDelivered
	a.HelpDeclined += o.HelpDeclined
	a.HelpOverdue += o.HelpOverdue
	a.DifferencesSettled += o.DifferencesSettled
	a.DifferencesOpen += o.DifferencesOpen
	a.Recommended += o.Recommended
	a.Certified += o.Certified
}
