/** Node's HTTP without the names that a module import would take of it: one of them loads a whole other client, 80 ms of every command. */
export const http = process.getBuiltinModule("node:http");
export const https = process.getBuiltinModule("node:https");
