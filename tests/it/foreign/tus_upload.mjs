// Uploads a file with tus-js-client, a tus client nobody here wrote, and tells what happens line by
// line. What it is to do comes as JSON in its argument, the token in the environment.
//
// Told that it may be stopped, it aborts the request under way and ends when something is written to
// it; run again with the same `store`, it goes on from the upload it remembered there.

import { createReadStream } from 'node:fs'
import { createRequire } from 'node:module'

// An import statement does not look in NODE_PATH; require does.
const require = createRequire(import.meta.url)
const tus = require('tus-js-client')

const task = JSON.parse(process.argv[2])
const tell = (what) => process.stdout.write(`${JSON.stringify(what)}\n`)

let item = null
let requests = 0
let retries = 0

const upload = new tus.Upload(createReadStream(task.file), {
  endpoint: task.endpoint,
  headers: { Authorization: `Bearer ${process.env.STRONGROOM_TOKEN}` },
  chunkSize: task.chunkSize ?? Number.POSITIVE_INFINITY,
  metadata: { session: task.session, kind: task.kind, filename: task.filename },
  retryDelays: task.retryDelays ?? null,
  uploadDataDuringCreation: task.withCreation ?? false,
  overridePatchMethod: task.overrideMethod ?? false,
  urlStorage: new tus.FileUrlStorage(task.store),
  storeFingerprintForResuming: true,
  removeFingerprintOnSuccess: true,
  onBeforeRequest() {
    requests += 1
  },
  onAfterResponse(request, response) {
    item = response.getHeader('Strongroom-Item') ?? item
    const offset = response.getHeader('Upload-Offset')
    tell({ method: request.getMethod(), status: response.getStatus(), offset: Number(offset) })
  },
  onShouldRetry(error) {
    retries += 1
    tell({ broken: String(error.message) })
    return true
  },
  onSuccess() {
    tell({ finished: true, item, requests, retries, url: upload.url })
  },
  onError(error) {
    tell({ failed: String(error.message) })
    process.exitCode = 1
  },
})

const before = await upload.findPreviousUploads()
if (before.length > 0) {
  tell({ resumes: before[0].uploadUrl })
  upload.resumeFromPreviousUpload(before[0])
}
upload.start()
if (task.mayBeStopped) {
  process.stdin.once('data', async () => {
    await upload.abort()
    tell({ stopped: true, url: upload.url })
    process.stdin.destroy()
  })
}
