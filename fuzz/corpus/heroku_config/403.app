403

{
  "id": "forbidden",
  "message": "You do not have access to the app globex-web."
}
