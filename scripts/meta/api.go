package meta

import (
	"maps"
	"regexp"
	"strings"
)

// API is what the annotations say about types. Types are names of classes, "string", or "" for all others.
type API struct {
	// Classes are the fields and methods of each class by name; the type is that of the field, or of a method's first result.
	Classes map[string]map[string]string
	// Results are the types of the first result of each function of the module, by full name.
	Results map[string]string
	// Params are the types of the parameters of each hook; those of a function that the module is given are under the name of
	// who gets it, as in "ws76.listen".
	Params map[string][]string
	// Options are the keys of the tables that functions of the module and methods take, by full name, as in "ws76.connect" and
	// "ws76.Conn.request", and by the parameter's index.
	Options map[string]map[int][]string
}

var (
	classLine    = regexp.MustCompile(`^---@class ([\w.]+)(?:: ([\w.]+))?`)
	fieldLine    = regexp.MustCompile(`^---@field (\w+) (\S+)`)
	paramLine    = regexp.MustCompile(`^---@param (\w+)\?? (.+)`)
	returnLine   = regexp.MustCompile(`^---@return (\S+)`)
	localLine    = regexp.MustCompile(`^local (\w+) = \{\}`)
	functionLine = regexp.MustCompile(`^function ([\w.]+)(:?)(\w*)\(([^)]*)\)`)
	givenParam   = regexp.MustCompile(`\w+: ([\w.]+)`)
	tableType    = regexp.MustCompile(`^(?:\w+\|)?\{(.*)\}`)
	optionKey    = regexp.MustCompile(`(?:^|, )(\w+)\??: `)
)

// Types reads the annotations.
func Types() *API {
	r := reader{
		api: &API{
			Classes: map[string]map[string]string{}, Results: map[string]string{},
			Params: map[string][]string{}, Options: map[string]map[int][]string{},
		},
		locals: map[string]string{}, tables: map[string][]string{},
	}
	for line := range strings.Lines(Source) {
		r.line(strings.TrimSpace(line))
	}
	return r.api
}

// reader goes through the annotations line by line.
type reader struct {
	api    *API
	locals map[string]string // variables, by which class they stand for
	class  string
	params []string
	given  []string
	tables map[string][]string // parameters that are tables, with their keys
	result string
}

func (r *reader) line(line string) {
	if m := classLine.FindStringSubmatch(line); m != nil {
		r.class = m[1]
		members := map[string]string{}
		maps.Copy(members, r.api.Classes[m[2]])
		r.api.Classes[r.class] = members
	} else if m := fieldLine.FindStringSubmatch(line); m != nil && r.class != "" {
		r.api.Classes[r.class][m[1]] = plain(m[2])
	} else if m := localLine.FindStringSubmatch(line); m != nil {
		r.locals[m[1]] = r.class
	} else if m := paramLine.FindStringSubmatch(line); m != nil {
		r.params = append(r.params, plain(m[2]))
		if t := tableType.FindStringSubmatch(m[2]); t != nil {
			for _, key := range optionKey.FindAllStringSubmatch(t[1], -1) {
				r.tables[m[1]] = append(r.tables[m[1]], key[1])
			}
		}
		if strings.HasPrefix(m[2], "fun(") && !strings.Contains(m[2], "{") {
			for _, p := range givenParam.FindAllStringSubmatch(m[2], -1) {
				r.given = append(r.given, plain(p[1]))
			}
		}
	} else if m := returnLine.FindStringSubmatch(line); m != nil && r.result == "" {
		r.result = m[1]
	} else if m := functionLine.FindStringSubmatch(line); m != nil {
		r.function(m[1], m[3], strings.Split(m[4], ", "))
	}
	if !strings.HasPrefix(line, "---") {
		r.params, r.given, r.tables, r.result = nil, nil, map[string][]string{}, ""
	}
}

func (r *reader) function(name, method string, params []string) {
	result, class := plain(r.result), r.locals[name]
	if len(r.tables) > 0 {
		full := name
		if class != "" {
			full = class + "." + method
		}
		r.api.Options[full] = map[int][]string{}
		for i, p := range params {
			if keys := r.tables[p]; keys != nil {
				r.api.Options[full][i] = keys
			}
		}
	}
	switch {
	case class != "":
		r.api.Classes[class][method] = result
	case method != "":
		r.api.Results[name+"."+method] = result
	case strings.HasPrefix(name, "on_"):
		r.api.Params[name] = r.params
	default:
		r.api.Results[name] = result
		if r.given != nil {
			r.api.Params[name] = r.given
		}
	}
}

// plain is the name of a class, "string", or "".
func plain(t string) string {
	t = strings.TrimRight(t, "?,")
	if t == "string" || strings.HasPrefix(t, "ws76.") && !strings.ContainsAny(t, "|[]{}") {
		return t
	}
	return ""
}
