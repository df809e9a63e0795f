// Where this tab keeps the reader's token, until it is closed. GraphiQL reads it from there, too.

export const TOKEN_KEY = "sluice.token";
