404

{
  "resource": "app",
  "id": "not_found",
  "message": "Couldn't find that app."
}
