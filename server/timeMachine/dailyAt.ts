/** When work that is done once a day is due (TM-10): pure. */

/**
 * True if the daily hour came since the work was last begun. A server that starts after the hour waits for the next day:
 * one that is restarted often would otherwise do it each time.
 * @param lastMs when it was begun last, or the server was started; milliseconds.
 * @param hour 0 to 23 in the time zone of the process.
 */
export function isDailyDue(lastMs: number, nowMs: number, hour: number): boolean {
  const due = new Date(nowMs)
  due.setHours(hour, 0, 0, 0)
  if (due.getTime() > nowMs) due.setDate(due.getDate() - 1)
  return lastMs < due.getTime()
}
