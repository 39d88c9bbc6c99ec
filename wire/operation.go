package wire

import "github.com/scalesmall/ssnode/ranges"

// AmountMax bounds the amount of one Register, Increase or Decrease.
const AmountMax = 1<<31 - 1

// OperationsMax bounds the operations of one batch.
const OperationsMax = 10_000

// Op is the verb of an operation.
type Op string

// The operations.
const (
	OpRegister Op = "register"
	OpRelease  Op = "release"
	OpIncrease Op = "increase"
	OpDecrease Op = "decrease"
	OpTighten  Op = "tighten"
	// OpSet is the increase or decrease that gets to a priority.
	OpSet Op = "set"
)

// Operation is one change asked for. A batch of them is applied wholly or not
// at all.
type Operation struct {
	Op Op `json:"op"`
	// Keyspace is "default" if absent.
	Keyspace string `json:"keyspace"`
	// Node is the node that answers if absent.
	Node string `json:"node"`
	Bounds
	// Priority belongs to register, where absent is 1, and to set.
	Priority *int64 `json:"priority,omitempty"`
	// By belongs to increase and decrease.
	By *int64 `json:"by,omitempty"`
	// IfVisible makes an increase of a claim that is not visible fail with
	// not_found instead of adding it.
	IfVisible bool `json:"if_visible,omitempty"`
	// NewFrom and NewTo belong to tighten; absent keeps the bound of the
	// claim.
	NewFrom *string `json:"new_from,omitempty"`
	NewTo   *string `json:"new_to,omitempty"`
	// AllowGap lets a tighten leave keys that nobody serves.
	AllowGap bool `json:"allow_gap,omitempty"`
}

// WithDefaults returns o with the keyspace and node filled in where absent.
func (o Operation) WithDefaults(node string) Operation {
	if o.Keyspace == "" {
		o.Keyspace = ranges.DefaultKeyspace
	}
	if o.Node == "" {
		o.Node = node
	}
	return o
}

// Claim returns the claim that o is about, validated.
func (o Operation) Claim() (ranges.Claim, error) {
	r, err := o.Range()
	if err != nil {
		return ranges.Claim{}, err
	}
	c := ranges.Claim{Keyspace: o.Keyspace, Node: o.Node, Range: r}
	return c, invalid(c.Validate())
}

// Amount returns the amount of a register, set, increase or decrease,
// validated.
func (o Operation) Amount() (int64, error) {
	switch {
	case o.Op == OpRegister && o.Priority == nil:
		return 1, nil
	case o.Op == OpSet && o.Priority == nil:
		return 0, Errorf(CodeInvalid, "set without a priority: give \"priority\", a number from 1 to %d", AmountMax)
	case o.Op == OpRegister, o.Op == OpSet:
		return *o.Priority, validateAmount("priority", *o.Priority)
	case o.By == nil:
		return 0, Errorf(CodeInvalid, "%s without an amount: give \"by\", a number from 1 to %d", o.Op, AmountMax)
	}
	return *o.By, validateAmount("by", *o.By)
}

// Tightened returns the range that a tighten leaves: that of its claim with
// the bounds that are given in place of the old ones.
func (o Operation) Tightened() (ranges.Range, error) {
	r, err := o.Range()
	if err != nil {
		return ranges.Range{}, err
	}
	to := r
	if o.NewFrom != nil {
		if to.From, err = parseBound("new_from", *o.NewFrom); err != nil {
			return ranges.Range{}, err
		}
	}
	if o.NewTo != nil {
		if to.To, err = parseTo("new_to", *o.NewTo); err != nil {
			return ranges.Range{}, err
		}
	}
	if err := invalid(to.Validate()); err != nil {
		return ranges.Range{}, err
	}
	if to == r || !r.Covers(to) {
		return ranges.Range{}, Errorf(CodeInvalid, "%s is not a smaller part of %s: give new_from and new_to within the claim", FormatRange(to), FormatRange(r))
	}
	return to, nil
}

// Result is an operation with what it did.
type Result struct {
	Operation
	// Changed is false if the state shown was so already.
	Changed bool `json:"changed"`
	// Priority is the one shown afterwards, 0 if the claim is not visible.
	Priority int64 `json:"priority"`
}

// Results answers a batch.
type Results struct {
	Results List[Result] `json:"results"`
	// Token names the events of the batch.
	Token Token `json:"token"`
	// OnDisk names the members known to have the batch on disk, Missing those
	// that a wait did not hear from in time. Nobody is missing from a wait that
	// was complete, and somebody from one that was not: where more were waited
	// for than the node knows, MissingUnknown stands for the others.
	OnDisk  List[string] `json:"on_disk"`
	Missing List[string] `json:"missing"`
	// Needed is how many members were waited for, the node that answers
	// included; absent if it alone was.
	Needed int `json:"needed,omitempty"`
}
