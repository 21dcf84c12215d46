// Words that are spoken when they change.

export default function ({ data, parentElement }) {
  const place = parentElement.querySelector("[role=status]")
  if (place.textContent !== data) place.textContent = data
}
