package lualib

var shell = []string{"cmd", "/c"}
