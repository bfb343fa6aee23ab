// Rates out of totals. No DOM in here.

/** Rates are made of the totals of two answers of the server and the time between, in ms. */
export class Rates {
  #last = new Map(); // key: [time, total, rate]
  #next = new Map();

  of(key, total, time) {
    const old = this.#last.get(key);
    let rate = 0;
    if (old && time <= old[0]) rate = old[2];
    else if (old && total >= old[1]) {
      const now = ((total - old[1]) * 1000) / (time - old[0]);
      rate = now === 0 ? 0 : old[2] === 0 ? now : (now + old[2]) / 2; // a little calmer
    }
    this.#next.set(key, [time, total, rate]);
    return rate;
  }

  /** Forgets what was not asked for since the last turn. */
  turn() {
    this.#last = this.#next;
    this.#next = new Map();
  }
}
