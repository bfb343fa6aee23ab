package luasyntax

import "fmt"

// Limits of a function, as in Lua 5.1.
const (
	maxLocals = 200
	maxUpvals = 60
)

// scope is a function that is being read: which variables are in sight there, as far as the limits need it.
type scope struct {
	outer  *scope
	line   int // where it begins, 0 for the whole source
	vararg bool
	loops  int
	locals []string
	upvals map[*variable]struct{}
}

// variable is a local of a function.
type variable struct {
	of     *scope
	hidden *variable // another of the same name
}

// limit ends the reading where a function has more than it may.
func (p *parser) limit(s *scope, n, most int, what string) {
	if n <= most {
		return
	}
	if s.line == 0 {
		p.lex.fail(fmt.Sprintf("main function has more than %d %s", most, what), 0)
	}
	p.lex.fail(fmt.Sprintf("function at line %d has more than %d %s", s.line, most, what), 0)
}

// room makes sure that there may be n locals more.
func (p *parser) room(n int) { p.limit(p.scope, len(p.scope.locals)+n, maxLocals, "local variables") }

// declare brings locals into sight.
func (p *parser) declare(names ...string) {
	for _, name := range names {
		p.vars[name] = &variable{p.scope, p.vars[name]}
		p.scope.locals = append(p.scope.locals, name)
	}
}

// hide takes all but the first n locals of the function out of sight.
func (p *parser) hide(n int) {
	locals := p.scope.locals
	for i := len(locals) - 1; i >= n; i-- {
		if v := p.vars[locals[i]]; v.hidden != nil {
			p.vars[locals[i]] = v.hidden
		} else {
			delete(p.vars, locals[i])
		}
	}
	p.scope.locals = locals[:n]
}

// use notes that a name is used, which may be an upvalue of the function and of those around it.
func (p *parser) use(name string) {
	if v := p.vars[name]; v != nil {
		p.capture(p.scope, v)
	}
}

func (p *parser) capture(s *scope, v *variable) {
	if s == v.of {
		return
	}
	if _, known := s.upvals[v]; known {
		return
	}
	p.capture(s.outer, v)
	p.limit(s, len(s.upvals)+1, maxUpvals, "upvalues")
	if s.upvals == nil {
		s.upvals = map[*variable]struct{}{}
	}
	s.upvals[v] = struct{}{}
}
