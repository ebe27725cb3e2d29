// When, exactly? Microseconds from 1970 (BigInt, for they pass 2**53), and days. As ledger/times.py, events/values.py.
import { Malformed } from "./errors.js";

export const DAY_US = 86_400_000_000n;
export const MIN_US = -62_135_596_800_000_000n; // 0001-01-01T00:00:00Z
export const MAX_US = 253_402_300_799_999_999n; // 9999-12-31T23:59:59.999999Z
const HOUR_US = 3_600_000_000n;

const RFC3339 = /^(\d{4}-\d\d-\d\d)[Tt ](\d\d):(\d\d):(\d\d)(?:\.(\d{1,9}))?([Zz]|[+-]\d\d:\d\d)$/;
const UTC_TEXT = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.(?:\d{3}|\d{6}|\d{9}))?Z$/;
const DATE = /^\d{4}-\d\d-\d\d$/;

export const isUtcText = (text) => UTC_TEXT.test(text);

/** Days from 1970-01-01 of a date text of the right form; null where no calendar has it. */
function dayOfDate(text) {
  const [year, month, day] = text.split("-").map(Number);
  const moment = new Date(0);
  moment.setUTCFullYear(year, month - 1, day);
  if (year < 1 || moment.getUTCFullYear() !== year || moment.getUTCMonth() !== month - 1 || moment.getUTCDate() !== day) return null;
  return moment.getTime() / 86_400_000;
}

/** Microseconds of any RFC 3339 time; digits below them are cut. */
export function usOfText(text, field = "time") {
  const found = RFC3339.exec(text);
  if (!found) throw new Malformed(field, "must be an RFC 3339 time with a zone");
  const [, date, hour, minute, second, fraction, zone] = found;
  const day = dayOfDate(date), zoneHour = Number(zone.slice(1, 3)), zoneMinute = Number(zone.slice(4, 6));
  if (day === null || hour > 23 || minute > 59 || second > 59 || zoneHour > 23 || zoneMinute > 59) throw new Malformed(field, "is not a moment of the calendar");
  let us = BigInt(day) * DAY_US + BigInt((hour * 60 + Number(minute)) * 60 + Number(second)) * 1_000_000n;
  if (fraction) us += BigInt(fraction.padEnd(9, "0").slice(0, 6));
  if (zone.length > 1) us -= (zone[0] === "+" ? 1n : -1n) * BigInt(zoneHour * 60 + zoneMinute) * 60_000_000n;
  if (us < MIN_US || us > MAX_US) throw new Malformed(field, "the year must lie in 1..9999");
  return us;
}

/** Midnight UTC at the start of an ISO date. */
export function usOfDate(text, field = "date") {
  if (!DATE.test(text)) throw new Malformed(field, "must be a date, YYYY-MM-DD");
  return usOfText(`${text}T00:00:00Z`, field);
}

/** Days from 1970-01-01 of `YYYY-MM-DD`. */
export function dayOfText(text, field) {
  if (typeof text !== "string") throw new Malformed(field, "must be a date, YYYY-MM-DD");
  return Number(usOfDate(text, field) / DAY_US);
}

export const textOfDay = (day) => isoDay(new Date(day * 86_400_000));

/** RFC 3339 of whole seconds (BigInt); null beyond the calendar. */
export function textOfSeconds(seconds) {
  if (seconds * 1_000_000n > MAX_US) return null;
  const moment = new Date(Number(seconds) * 1000);
  return `${isoDay(moment)}T${moment.toISOString().slice(-13, -5)}Z`;
}

const isoDay = (moment) => moment.toISOString().slice(0, 10);

const floorDay = (us) => Number((us - (((us % DAY_US) + DAY_US) % DAY_US)) / DAY_US);

/** Inclusive ends of an `occurred` (a Map), null where open. A bare date may lie in any zone. */
export function boundsOf(occurred) {
  const date = occurred.get("date");
  if (date !== undefined) {
    const midnight = usOfDate(date);
    const first = midnight - 14n * HOUR_US, last = midnight + DAY_US + 12n * HOUR_US - 1n;
    return [first >= MIN_US ? first : null, last <= MAX_US ? last : null];
  }
  const earliest = occurred.has("earliest") ? usOfText(occurred.get("earliest")) : null;
  let latest = occurred.has("latest") ? usOfText(occurred.get("latest")) : null;
  if (latest !== null && occurred.get("latest_exclusive") === true) {
    latest -= 1n;
    if (latest < MIN_US) throw new Malformed("occurred.latest", "the year must lie in 1..9999");
  }
  return [earliest, latest];
}

/** The day of a use, if both its ends are known and lie in one UTC day; else null. Nothing is guessed. */
export function dayOfUse(occurred) {
  if (occurred === undefined) return null;
  let told = occurred;
  if (told.get("latest_exclusive") && /\.\d{6}\d*[1-9]/.test(told.get("latest") ?? "")) {
    told = new Map(told); // past midnight, if only by nanoseconds
    told.delete("latest_exclusive");
  }
  const [earliest, latest] = boundsOf(told);
  if (told.has("date") || earliest === null || latest === null) return null;
  return floorDay(earliest) === floorDay(latest) ? floorDay(earliest) : null;
}
