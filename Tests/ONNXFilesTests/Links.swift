import Glibc
import Testing

func makeLink(_ path: String, to target: String) throws {
  try #require(symlink(target, path) == 0)
}

func makePipe(_ path: String) throws {
  try #require(mkfifo(path, 0o600) == 0)
}
