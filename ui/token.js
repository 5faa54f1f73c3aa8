// The dialog that asks for the token.

import { keepToken, token } from "./service.js";
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

  /** Opens it; the token that was refused is forgotten. */
  open() {
    if (this.dialog.open) return;
    const refused = token() !== null;
    keepToken(null);
    setText(byId("token-wrong"), refused ? "The service did not accept that token." : "");
    this.dialog.showModal();
    byId("token").focus();
  }
}
