package role

import "container/heap"

// A graph is the order of resources. Its first nodes are resources; further ones stand for
// several of them.
type graph struct {
	resources     int
	before, after [][]int
	marks         []int // the visit in which a node was seen last
	visits        int
}

func newGraph(resources int) *graph {
	return &graph{resources: resources, before: make([][]int, resources), after: make([][]int, resources), marks: make([]int, resources)}
}

// further adds a node that stands for several resources.
func (g *graph) further() int {
	g.before, g.after, g.marks = append(g.before, nil), append(g.after, nil), append(g.marks, 0)
	return len(g.before) - 1
}

// add puts a before b.
func (g *graph) add(a, b int) {
	g.before[b], g.after[a] = append(g.before[b], a), append(g.after[a], b)
}

// visit begins with no node seen.
func (g *graph) visit() { g.visits++ }

func (g *graph) seen(i int) bool { return g.marks[i] == g.visits }

// walk sees all that edges lead to from a node, without that node itself.
func (g *graph) walk(from int, edges [][]int) {
	todo := []int{from}
	for len(todo) > 0 {
		i := todo[len(todo)-1]
		todo = todo[:len(todo)-1]
		for _, next := range edges[i] {
			if !g.seen(next) {
				g.marks[next] = g.visits
				todo = append(todo, next)
			}
		}
	}
}

// reaches reports whether from has to come before to already.
func (g *graph) reaches(from, to int) bool {
	g.visit()
	g.walk(from, g.after)
	return g.seen(to)
}

// sorted lists the resources in order: always the first of those whose predecessors are
// done. Those that aren't done are in a cycle, or behind one. Those to skip count as done.
func (g *graph) sorted(skip func(resource int) bool) (order []int, done []bool) {
	done = make([]bool, len(g.before))
	waits := make([]int, len(g.before)) // for how many others
	ready := &ints{}
	var release func(i int)
	release = func(i int) {
		if i < g.resources {
			heap.Push(ready, i)
			return
		}
		done[i] = true
		for _, next := range g.after[i] {
			if waits[next]--; waits[next] == 0 {
				release(next)
			}
		}
	}
	for i := range g.before {
		waits[i] = len(g.before[i])
	}
	var skipped []int
	for i := range g.resources {
		if skip(i) {
			done[i], waits[i] = true, -1 // below 0 it is never released
			skipped = append(skipped, i)
		}
	}
	for i := range g.before {
		if len(g.before[i]) == 0 && waits[i] == 0 {
			release(i)
		}
	}
	for _, i := range skipped {
		for _, next := range g.after[i] {
			if waits[next]--; waits[next] == 0 {
				release(next)
			}
		}
	}
	for ready.Len() > 0 {
		i := heap.Pop(ready).(int)
		done[i] = true
		order = append(order, i)
		for _, next := range g.after[i] {
			if waits[next]--; waits[next] == 0 {
				release(next)
			}
		}
	}
	return order, done
}

// ints is a heap, the least first.
type ints []int

func (h ints) Len() int           { return len(h) }
func (h ints) Less(i, j int) bool { return h[i] < h[j] }
func (h ints) Swap(i, j int)      { h[i], h[j] = h[j], h[i] }
func (h *ints) Push(x any)        { *h = append(*h, x.(int)) }
func (h *ints) Pop() any {
	last := (*h)[len(*h)-1]
	*h = (*h)[:len(*h)-1]
	return last
}
