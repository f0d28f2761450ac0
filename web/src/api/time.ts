/** Seconds or milliseconds since 1970, told apart by size. */
export const toMillis = (time: number) => (time > 1e11 ? time : time * 1000)
