// The menu of a narrow page, which lies over it: it closes after a choice.

const LINK = "[data-testid=stSidebarNavLink]", CLOSE = "[data-testid=stSidebarCollapseButton] button"

/** Close the menu if the click was on one of its links. */
export function closeAfterChoice(event, page = document) {
  if (event.target.closest?.(LINK)) page.querySelector(CLOSE)?.click()
}
