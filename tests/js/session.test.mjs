// A page whose key the lab refuses is loaded again; any other answer leaves it as it is. One that is back says so, once.

import assert from "node:assert/strict"
import test from "node:test"
import { follow, leave } from "../../dashboard/components/session/session.js"

async function reloads(answer) {
  let count = 0
  const asked = []
  globalThis.fetch = (path, options) => {
    asked.push([path, options.method, options.cache])
    return answer()
  }
  await leave({ pathname: "/models", reload: () => (count += 1) })
  assert.deepEqual(asked, [["/models", "HEAD", "no-store"]])
  return count
}

test("a refused key reloads the page", async () => {
  assert.equal(await reloads(() => Promise.resolve({ status: 401 })), 1)
})

test("a lab that lets in, fails, or does not answer reloads nothing", async () => {
  for (const status of [200, 403, 404, 421, 500, 503]) assert.equal(await reloads(() => Promise.resolve({ status })), 0)
  assert.equal(await reloads(() => Promise.reject(new TypeError("no connection"))), 0)
})

test("a page says that it is back each time that its connection comes again, and at no other time", () => {
  globalThis.fetch = () => Promise.resolve({ status: 200 })
  const says = states => states.map(state => {
    let said = 0
    follow(state, () => (said += 1), { pathname: "/" })
    return said
  })
  assert.deepEqual(says(["CONNECTED", "CONNECTED", "PINGING_SERVER", "CONNECTING", "CONNECTED", "CONNECTED"]), [0, 0, 0, 0, 1, 0])
  assert.deepEqual(says(["DISCONNECTED_FOREVER", "CONNECTED"]), [0, 1])
})
