// Package recipes has the programs of the guide of that name, as examples that run.
package recipes
