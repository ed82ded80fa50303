# "make help" lists the targets.

.PHONY: servers
servers: ## Put the servers that the tests run into the user's cache folder
	go run ./internal/servertest/fetch
