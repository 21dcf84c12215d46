// The lines of parallel coordinates that a person has marked. Pure.

/** The names of the lines that lie between the marks of every axis that has some; none where no axis has any. */
export function between(axes, names) {
  const marked = axes.filter(axis => axis.constraintrange?.length)
  if (!marked.length) return []
  const inside = (value, ranges) => ranges.some(([low, high]) => low <= value && value <= high)
  const ranges = axis => (Array.isArray(axis.constraintrange[0]) ? axis.constraintrange : [axis.constraintrange])
  return names.filter((_, i) => marked.every(axis => inside(axis.values[i], ranges(axis))))
}
