// The two choices below the message box: which knowledge base, which agent or model.

import { Menu, UnstyledButton } from '@mantine/core'
import {
  IconBooks,
  IconCheck,
  IconChevronDown,
  IconPaperclip,
  IconPlus,
  IconSettings,
} from '@tabler/icons-react'
import { Link } from '@tanstack/react-router'
import { lazy, Suspense, useState } from 'react'
import type { Model, VectorStore } from '../../api/types'
import { useMay } from '../../api/useSession'
import { inLanguage, type Language, type Translate, useLanguage } from '../../i18n'
import { MenuGroup } from '../../ui/MenuGroup'
import menuGroupStyles from '../../ui/MenuGroup.module.css'
import textStyles from '../../ui/text.module.css'
import { baseCounts, baseName, documentsIn, useCreateBase } from '../knowledge/bases'
import { ALL } from './choice'
import styles from './pickers.module.css'
import type { ChosenBases, ChosenModel } from './useChosen'

const NewBase = lazy(() => import('../knowledge/NewBase').then((module) => ({ default: module.NewBase })))

function nameOf({ chosen, own, isAll }: ChosenBases, t: Translate): string {
  const [first, ...others] = chosen
  if (!first) return t(own.length > 0 ? 'kb.own' : 'kb.choose')
  if (isAll && others.length > 0) return t('kb.all')
  return `${baseName(first, t)}${others.length > 0 ? ` +${others.length}` : ''}`
}

export function BasePicker({ bases }: { bases: ChosenBases }) {
  const { t } = useLanguage()
  const [creating, setCreating] = useState(false)
  const create = useCreateBase()
  const mayWrite = useMay('knowledge.write')
  const name = nameOf(bases, t)
  const n_shared = documentsIn(bases.chosen)
  const n_own = documentsIn(bases.own)
  const tick = (is: boolean) => is && <IconCheck size={15} />
  const label = [t('kb.chooseLabel', { name }), n_own > 0 && t('kb.ownLabel', { n: n_own })]
  return (
    <>
      <Menu position="top-start" width={270}>
        <Menu.Target>
          <UnstyledButton
            className={styles.pill}
            data-testid="pill"
            aria-label={label.filter(Boolean).join('; ')}
          >
            <IconBooks size={15} />
            <span>{name}</span>
            {n_shared > 0 && <small>{n_shared}</small>}
            {n_own > 0 && (
              <small className={styles.pillOwn}>
                <IconPaperclip size={13} />
                {n_own}
              </small>
            )}
          </UnstyledButton>
        </Menu.Target>
        <Menu.Dropdown className={menuGroupStyles.tallMenu}>
          {bases.own.length > 0 && (
            <MenuGroup label={t('kb.own')}>
              {bases.own.map((store) => (
                <Menu.Item
                  key={store.id}
                  component={Link}
                  to={`/knowledge/${store.id}`}
                  rightSection={tick(true)}
                >
                  <BaseWords store={store} />
                </Menu.Item>
              ))}
            </MenuGroup>
          )}
          <MenuGroup label={t('kb.choose')}>
            {bases.shared.length > 1 && (
              <Menu.Item rightSection={tick(bases.isAll)} onClick={() => bases.choose(ALL)}>
                {t('kb.all')}
              </Menu.Item>
            )}
            {bases.shared.map((store) => (
              <Menu.Item
                key={store.id}
                rightSection={tick(!bases.isAll && bases.chosen.includes(store))}
                onClick={() => bases.choose(store.id)}
              >
                <BaseWords store={store} />
              </Menu.Item>
            ))}
            {mayWrite && (
              <Menu.Item leftSection={<IconPlus size={15} />} onClick={() => setCreating(true)}>
                {t('kb.new')}
              </Menu.Item>
            )}
            <Menu.Item leftSection={<IconSettings size={15} />} component={Link} to="/knowledge">
              {t('kb.manage')}
            </Menu.Item>
          </MenuGroup>
        </Menu.Dropdown>
      </Menu>
      {creating && (
        <Suspense>
          <NewBase
            opened
            onClose={() => setCreating(false)}
            create={async (name) => bases.choose((await create(name)).id)}
          />
        </Suspense>
      )}
    </>
  )
}

function BaseWords({ store }: { store: VectorStore }) {
  const { t } = useLanguage()
  const name = baseName(store, t)
  return (
    <>
      <span className={`${menuGroupStyles.menuName} ${textStyles.oneLine}`} title={name}>
        {name}
      </span>
      <small className={menuGroupStyles.menuNote}>{baseCounts(store, t)}</small>
    </>
  )
}

export const modelName = (id: string, models: Model[], language: Language) =>
  inLanguage(models.find((model) => model.id === id)?.septet?.title ?? '', language) ||
  id.replace(/^agent:/, '')

export function ModelPicker({ model }: { model: ChosenModel }) {
  const { t, language } = useLanguage()
  const all = [...model.agents, ...model.models]
  const item = (entry: Model) => (
    <Menu.Item
      key={entry.id}
      rightSection={entry.id === model.chosen && <IconCheck size={15} />}
      onClick={() => model.choose(entry.id)}
    >
      {modelName(entry.id, all, language)}
      {entry.septet?.description && (
        <small className={menuGroupStyles.menuNote}>{inLanguage(entry.septet.description, language)}</small>
      )}
    </Menu.Item>
  )
  const name = modelName(model.chosen, all, language)
  return (
    <Menu position="top-end" width={290}>
      <Menu.Target>
        <UnstyledButton className={styles.modelButton} aria-label={`${t('chat.model')}: ${name}`}>
          <span>{name}</span>
          <IconChevronDown size={14} />
        </UnstyledButton>
      </Menu.Target>
      <Menu.Dropdown className={menuGroupStyles.tallMenu}>
        {model.agents.length > 0 && <MenuGroup label={t('chat.agents')}>{model.agents.map(item)}</MenuGroup>}
        {model.models.length > 0 && <MenuGroup label={t('chat.models')}>{model.models.map(item)}</MenuGroup>}
      </Menu.Dropdown>
    </Menu>
  )
}
