// What iterations are compared by: its name, its figures as people read them, and which of two is better.

/** The objective of a run, from the data of the page. */
export class Objective {
  constructor({ name, fields, more_is_better, factor, sign, range }) {
    this.name = name;
    [this.figureField, this.intervalField] = fields;
    this.moreIsBetter = more_is_better;
    this.factor = factor;
    this.sign = sign;
    this.range = range;
  }

  /** The name at the start of a sentence. */
  get title() {
    return this.name[0].toUpperCase() + this.name.slice(1);
  }

  /** The figure of a score. */
  value(score) {
    return score[this.figureField] ?? score.accuracy;
  }

  /** The 95 % interval of a score's figure. */
  interval(score) {
    return score[this.intervalField] ?? score.interval;
  }

  /** A figure with its unit: 58.3 % */
  written(value, digits = 1) {
    return `${(this.factor * value).toFixed(digits)} ${this.sign}`;
  }

  /** A score's figure with its unit. */
  shown(score) {
    return this.written(this.value(score));
  }

  /** The ends of an interval: 32.0–80.7 */
  ends(score) {
    const { low, high } = this.interval(score);
    return [low, high].map((end) => (this.factor * end).toFixed(1)).join("–");
  }

  /** A score's interval in words. */
  between(score) {
    return `95 % interval ${this.ends(score)}`;
  }

  /** A score's figure and its interval, for those who do not see the drawing. */
  inWords(score) {
    const { low, high } = this.interval(score);
    return `${this.shown(score)}, 95 % interval ${this.written(low)} to ${this.written(high)}`;
  }

  /** By how much a score differs from another one, with its sign. */
  difference(score, from) {
    const difference = this.value(score) - this.value(from);
    const value = (this.factor * difference).toFixed(1);
    return Number(value) === 0 ? "±0.0" : `${difference > 0 ? "+" : "−"}${value.replace("-", "")}`;
  }

  isBetter(score, than) {
    const [value, other] = [this.value(score), this.value(than)];
    return this.moreIsBetter ? value > other : value < other;
  }

  /** The best of these iterations; of equals, the first. Null where there is none. */
  bestOf(iterations) {
    return iterations.reduce(
      (best, it) => (best === null || this.isBetter(it.score, best.score) ? it : best),
      null,
    );
  }
}
