// This file lets spin.go declare a function without a body.
