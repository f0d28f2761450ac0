export function Mark({ size = 24 }: { size?: number }) {
  return (
    <svg viewBox="0 0 24 24" width={size} height={size} aria-hidden="true">
      <rect width="24" height="24" rx="6.5" fill="#4f46e5" />
      <path
        d="M4.8 11v2M7.2 8.6v6.8M9.6 6.4v11.2M12 9v6M14.4 6.4v11.2M16.8 8.6v6.8M19.2 11v2"
        stroke="#fff"
        strokeWidth="1.7"
        strokeLinecap="round"
      />
    </svg>
  )
}
