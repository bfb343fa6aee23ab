package scripts

import (
	"net/http"

	lua "github.com/yuin/gopher-lua"

	"github.com/ws76/ws76/core"
	"github.com/ws76/ws76/core/hixie"
)

// Answer is what on_handshake says to a request.
type Answer struct {
	Status   int    // refuse with it; 0: accept
	Body     string // of the refusal
	Protocol string // agree to this sub-protocol; "": as without a script
}

// Refusal returns the refusal that an Answer with a Status stands for.
func (a *Answer) Refusal() *core.Refusal {
	return &core.Refusal{Status: a.Status, Reason: http.StatusText(a.Status), Text: a.Body}
}

// Handshake asks on_handshake of each script about a request, before it is
// answered, and returns the first answer; nil accepts. Where a script fails, the
// request is accepted if the policy is Pass, and otherwise refused with 500; 503 where it does not run.
func (set Set) Handshake(p *Peer, r *hixie.Request) *Answer {
	for _, s := range set {
		if a := s.handshake(p, r); a != nil {
			return a
		}
	}
	return nil
}

func (s *Script) handshake(p *Peer, r *hixie.Request) *Answer {
	if s.wants.Load()&onHandshake.bit() == 0 {
		return nil
	}
	st := s.enter()
	if st == nil {
		if s.policy() != Pass {
			return &Answer{Status: http.StatusServiceUnavailable, Body: "the script does not run"}
		}
		return nil
	}
	c := &conn{script: s, peer: p, link: &link{script: s, over: true}, gone: true}
	result, ok := st.call(onHandshake, st.userdata(c), st.requestTable(p, r))
	var answer *Answer
	if ok {
		var err error
		if answer, err = answerOf(result); err != nil {
			st.failed(onHandshake, err)
			ok = false
		}
	}
	if !ok && s.policy() != Pass {
		answer = &Answer{Status: http.StatusInternalServerError, Body: "the script failed"}
	}
	s.leaveFrom(st)
	return answer
}

func answerOf(v lua.LValue) (*Answer, error) {
	switch v := v.(type) {
	case *lua.LNilType:
		return nil, nil
	case lua.LBool:
		if v {
			return nil, nil
		}
		return &Answer{Status: http.StatusForbidden}, nil
	case *lua.LTable:
		a := &Answer{Body: lua.LVAsString(v.RawGetString("body")), Protocol: lua.LVAsString(v.RawGetString("protocol"))}
		if n, ok := v.RawGetString("status").(lua.LNumber); ok {
			a.Status = int(n)
		}
		if a.Status == 0 && a.Protocol != "" || a.Status >= 300 && a.Status < 600 {
			return a, nil
		}
		return nil, errAnswer
	}
	return nil, errAnswer
}

var errAnswer = &answerError{}

type answerError struct{}

func (*answerError) Error() string {
	return "returned no answer; want nil, false, {status = 403, body = …} (300 to 599) or {protocol = …}"
}

// requestTable is the second argument of on_handshake.
func (st *state) requestTable(p *Peer, r *hixie.Request) *lua.LTable {
	L := st.L
	t := L.CreateTable(0, 8)
	field := func(name string) lua.LValue {
		v, ok := r.Fields.Get(name)
		if !ok {
			return lua.LNil
		}
		return lua.LString(v)
	}
	t.RawSetString("path", lua.LString(r.Resource))
	t.RawSetString("host", field("Host"))
	t.RawSetString("origin", field("Origin"))
	t.RawSetString("protocol", lua.LString(p.Protocol))
	t.RawSetString("dialect", lua.LString(p.Dialect))
	headers := L.CreateTable(len(r.Fields), len(r.Fields))
	for _, f := range r.Fields {
		pair := L.CreateTable(0, 2)
		pair.RawSetString("name", lua.LString(f.Name))
		pair.RawSetString("value", lua.LString(f.Value))
		headers.Append(pair)
		if headers.RawGetString(f.Name) == lua.LNil {
			headers.RawSetString(f.Name, lua.LString(f.Value))
		}
	}
	t.RawSetString("headers", headers)
	return t
}
