// The dialog that asks for the token.

import { keepToken, tokenWasRefused } from "./service.js";
import { byId, setText } from "./element.js";

/** Asks for the token when the service wants one. */
export class TokenDialog {
  /** @param {() => void} given told that there is a token to try */
  constructor(given) {
    this.dialog = byId("token-dialog");
    byId("token-form").addEventListener("submit", (event) => {
      event.preventDefault();
      keepToken(byId("token").value.trim());
      byId("token").value = "";
      this.dialog.close();
      given();
    });
  }

  /** Opens it, and says so if a token was refused. */
  open() {
    if (this.dialog.open) return;
    setText(byId("token-wrong"), tokenWasRefused() ? "The service did not accept that token." : "");
    this.dialog.showModal();
    byId("token").focus();
  }

  /** Closes it, when no token is needed any more. */
  close() {
    this.dialog.close();
  }
}
