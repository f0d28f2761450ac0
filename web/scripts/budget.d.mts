export const BUDGET: { js: number; css: number; requests: number }
export function firstLoad(dist?: string): { js: number; css: number; requests: number }
